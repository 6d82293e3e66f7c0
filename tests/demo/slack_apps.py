"""Apps for the local Slack: the real client, and what it answers."""

import http.server
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from prefect_cloudtrail.demo.slack import LocalSlack

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(action_id: str, **beside: object) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(action_id), **beside}


def option(value: str) -> Json:
    return {"text": plain(value), "value": value}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "block_id": "decide", "elements": list(elements)}


def asked(block_id: str, element: Json, **beside: object) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element, **beside}


def modal(*blocks: Json, **beside: object) -> Json:
    submit = {"submit": plain("Send")} if any(each["type"] == "input" for each in blocks) else {}
    return {
        "type": "modal",
        "title": plain("Sure?"),
        "blocks": list(blocks or [section("looking")]),
        **submit,
        **beside,
    }


def web(slack: LocalSlack, token: str | None = None) -> Any:
    # Its own second try would hide what happens to the first. To a type checker every key of an answer may be missing.
    return WebClient(token or slack.bot_token, base_url=slack.api_url, retry_handlers=[])


@dataclass
class App:
    """What came over the sockets, and what is answered: nothing at all where `ack` is None."""

    client: Any
    received: list[SocketModeRequest] = field(default_factory=list)
    ack: Callable[[Json], Json | None] | None = lambda _: None

    def payloads(self, kind: str) -> list[Json]:
        return [each.payload for each in self.received if each.payload["type"] == kind]

    def take(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        self.received.append(request)
        if self.ack is not None:
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id, self.ack(request.payload)))


@contextmanager
def connected(slack: LocalSlack) -> Iterator[App]:
    app = App(web(slack))
    client = SocketModeClient(app_token=slack.app_token, web_client=app.client, ping_interval=0.5)
    client.socket_mode_request_listeners.append(app.take)
    client.connect()
    slack.people.wait_for(slack.connections)
    try:
        yield app
    finally:
        # The client waits for its socket, so that is closed from the other side first.
        client.auto_reconnect_enabled = False
        client.current_session_state.terminated = True
        slack.disconnect()
        client.close()


class RequestUrl(http.server.BaseHTTPRequestHandler):
    """An app's request URL: verifies each signature, and answers what the server is told to."""

    def do_POST(self) -> None:
        mine = self.server
        assert isinstance(mine, RequestUrlServer)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        verifier = SignatureVerifier(mine.secret)
        mine.valid.append(verifier.is_valid_request(body, dict(self.headers)))
        mine.payloads.append(json.loads(parse_qs(body)["payload"][0]))
        said = json.dumps(mine.answer).encode() if mine.answer else b""
        self.send_response(mine.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Say nothing."""


class RequestUrlServer(http.server.ThreadingHTTPServer):
    # Until the app has been told it.
    secret = secrets.token_hex(16)
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), RequestUrl)
        self.valid: list[bool] = []
        self.payloads: list[Json] = []
        self.answer: Json | None = None


@contextmanager
def request_url() -> Iterator[RequestUrlServer]:
    with RequestUrlServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

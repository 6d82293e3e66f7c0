"""The pager's webhook is called with what somebody who wakes must know, and its URL is never said."""

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from telling import CARD_SAID, INCIDENT, PAGED, Telling, telling

from prefect_cloudtrail.errors import SettingsError, SlackError
from prefect_cloudtrail.slack import pager

SECRET = "token-of-the-hook"  # noqa: S105 - a test's


@dataclass
class Hook:
    """A webhook that answers what a test says, and keeps what it was called with."""

    url: str = ""
    status: int = 202
    location: str | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def a_hook() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hook.url = f"http://127.0.0.1:{server.server_port}/{SECRET}"
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with a_hook() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Telling]:
    with telling(tmp_path) as found:
        yield found


def test_it_is_told_what_somebody_who_wakes_must_know(desk: Telling, hook: Hook) -> None:
    pager.call(hook.url, desk.told(), "msg_1", "Nobody answered for 5 minutes.")
    incident = desk.told().incident
    assert hook.calls == [
        {
            "dedup_key": "msg_1",
            "incident_id": INCIDENT,
            "text": "Nobody answered for 5 minutes.",
            "risk": incident.risk,
            "severity": "high",
            "link": None,
        }
    ]


def test_called_again_for_the_same_message_it_has_the_same_key(desk: Telling, hook: Hook) -> None:
    hook.status = 503
    assert desk.deliver(CARD_SAID, PAGED, pager_url=hook.url).failures == (
        "cannot call the pager: it answers 503; it is tried again",
    )
    hook.status = 202
    desk.clock.move(seconds=1)
    assert desk.deliver(CARD_SAID, PAGED, pager_url=hook.url).said == (f"{INCIDENT}: pager called",)
    desk.clock.move(minutes=1)
    desk.deliver(CARD_SAID, PAGED, pager_url=hook.url)
    assert [each["dedup_key"] for each in hook.calls] == [desk.row("pager").message_id] * 2


def test_it_is_called_though_slack_is_down(desk: Telling, hook: Hook) -> None:
    desk.slack.faults.down()
    desk.deliver(CARD_SAID, PAGED, pager_url=hook.url)
    assert (len(hook.calls), desk.row("pager").ts) == (1, desk.row("pager").message_id)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(desk: Telling, hook: Hook, status: int) -> None:
    with a_hook() as elsewhere:
        hook.status, hook.location = status, elsewhere.url
        with pytest.raises(SlackError, match=f"^cannot call the pager: it answers {status}; it is tried again$"):
            pager.call(hook.url, desk.told(), "msg_1", "text")
        assert elsewhere.calls == []


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_any_of_the_two_hundreds_is_a_yes(desk: Telling, hook: Hook, status: int) -> None:
    hook.status = status
    pager.call(hook.url, desk.told(), "msg_1", "text")
    assert len(hook.calls) == 1


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_anything_else_is_a_no(desk: Telling, hook: Hook, status: int) -> None:
    hook.status = status
    with pytest.raises(SlackError, match=f"^cannot call the pager: it answers {status}; it is tried again$"):
        pager.call(hook.url, desk.told(), "msg_1", "text")


@pytest.mark.parametrize(
    "url", ["", "pager.example", "file:///etc/passwd", "ftp://pager.example/x", "http://[", "https://"]
)
def test_what_is_no_web_address_is_named_by_its_setting_and_holds_up_nothing(desk: Telling, url: str) -> None:
    said = r"^the pager's URL \(PREFECT_CLOUDTRAIL_PAGER_URL\) must begin with https://$"
    with pytest.raises(SettingsError, match=said):
        pager.call(url, desk.told(), "msg_1", "text")
    desk.deliver(PAGED, CARD_SAID, pager_url=url or "x")
    assert desk.texts == [CARD_SAID.text]


def test_its_url_is_never_said(desk: Telling, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with a_hook() as gone:
        url = gone.url
    found = desk.deliver(CARD_SAID, PAGED, pager_url=url)
    assert found.failures == ("cannot call the pager: ConnectionRefusedError; it is tried again",)
    assert SECRET not in f"{caplog.text} {desk.row('pager')}"


def test_an_answer_that_is_no_http_is_a_no(desk: Telling) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"what?\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        with pytest.raises(SlackError, match=r"^cannot call the pager: BadStatusLine; it is tried again$"):
            pager.call(f"http://127.0.0.1:{server.getsockname()[1]}/", desk.told(), "msg_1", "text")
        thread.join()

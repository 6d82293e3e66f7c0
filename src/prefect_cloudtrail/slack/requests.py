"""Slack's requests over HTTP, where that is preferred to Socket Mode: signed by Slack, and each taken once.

It speaks plain HTTP: whatever ends TLS stands before it.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from slack_sdk.signature import Clock, SignatureVerifier

from prefect_cloudtrail.errors import SlackError
from prefect_cloudtrail.response.repeating import repeated
from prefect_cloudtrail.slack.listener import Listener
from prefect_cloudtrail.slack.message import LISTENER
from prefect_cloudtrail.slack.sockets import BEATS_EVERY_SECONDS
from prefect_cloudtrail.store import Store

PATH = "/slack/interactions"
LARGEST = 1_000_000
READS_WITHIN_SECONDS = 5

_log = logging.getLogger(__name__)


class _Now(Clock):
    """The verifier's clock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return the time."""
        return self._clock().timestamp()


class _Server(ThreadingHTTPServer):
    """Knows who listens, and what it has taken; what is being answered at its end is answered first."""

    daemon_threads = False

    def __init__(self, address: tuple[str, int], listener: Listener, verifier: SignatureVerifier) -> None:
        super().__init__(address, _Handler)
        self.listener, self.verifier = listener, verifier

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class gives them
        """Log what went wrong with one request: whoever knocks may go away in the middle of it."""
        _log.warning("a request to Slack's port failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """One request of Slack's, or of somebody who says so."""

    timeout = READS_WITHIN_SECONDS

    @property
    def _slack(self) -> _Server:
        assert isinstance(self.server, _Server)  # noqa: S101 - it is made by nothing else
        return self.server

    def do_POST(self) -> None:
        """Take a request that is signed and of these minutes; acknowledge it, then do the work."""
        if self.path != PATH:
            self._answer(HTTPStatus.NOT_FOUND)
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body, signature = self.rfile.read(int(length)), self.headers.get("X-Slack-Signature", "")
        if not self._is_signed(body, signature):
            self._answer(HTTPStatus.UNAUTHORIZED)
            return
        try:
            payload = json.loads(parse_qs(body.decode())["payload"][0])
        except (ValueError, KeyError, RecursionError):
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        said = self._slack.listener.acknowledge(payload)
        # With this answer Slack waits no more.
        self._answer(HTTPStatus.OK, b"" if said is None else json.dumps(said).encode())
        # One that comes again within its five minutes is known to the listener.
        self._slack.listener.handle(payload)

    def _is_signed(self, body: bytes, signature: str) -> bool:
        moment = self.headers.get("X-Slack-Request-Timestamp", "")
        try:
            return moment.isdecimal() and self._slack.verifier.is_valid(body, moment, signature)
        except (ValueError, TypeError, OverflowError):
            # No UTF-8; a signature of other letters; a moment beyond all clocks.
            return False

    def do_GET(self) -> None:
        """Answer that there is nothing to see."""
        self._answer(HTTPStatus.NOT_FOUND)

    def _answer(self, status: HTTPStatus, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        if body:
            self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Say nothing of whoever knocks."""


@contextmanager
def served(
    listener: Listener, signing_secret: str, store: Store, clock: Callable[[], datetime], address: str, port: int
) -> Iterator[int]:
    """Take Slack's requests until the end; give the port.

    Raises:
        SlackError: the port cannot be listened on.
    """
    try:
        server = _Server((address, port), listener, SignatureVerifier(signing_secret, _Now(clock)))
    except OSError as error:
        raise SlackError(f"cannot listen on {address}:{port}: {error}; give another --slack-port") from error

    def beat() -> list[str]:
        store.responses.beat(LISTENER, clock())
        return []

    thread = threading.Thread(target=server.serve_forever, name="takes Slack's requests", daemon=True)
    thread.start()
    try:
        with repeated("says that the listener is there", beat, _log.error, BEATS_EVERY_SECONDS):
            yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

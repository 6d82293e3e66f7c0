"""Faults of AWS: a proxy before moto's server that denies, throttles, fails, stalls, cuts off, and loses answers."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Kind = Literal["denied", "throttled", "internal error", "unavailable", "lost answer", "cut", "slow"]
KINDS: tuple[Kind, ...] = ("denied", "throttled", "internal error", "unavailable", "lost answer", "cut", "slow")
# As AWS's query services answer them.
ERRORS: dict[Kind, tuple[int, str, str]] = {
    "denied": (403, "AccessDenied", "not authorized to perform this"),
    "throttled": (400, "Throttling", "Rate exceeded"),
    "internal error": (500, "InternalFailure", "an unknown error"),
    "unavailable": (503, "ServiceUnavailable", "try again"),
}
SLOW_SECONDS = 1.0
FOR_EVER = 1_000_000


@dataclass
class _Fault:
    kind: Kind
    action: str
    calls: int


@dataclass
class AwsFaults:
    """What befalls the next calls, and what befell them.

    Attributes:
        url: where AWS answers through it.
        met: how often each kind befell a call.
        calls: how many reached the proxy, by the action they named.
    """

    url: str = ""
    met: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    _faults: list[_Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def befall(self, kind: Kind, action: str, calls: int = FOR_EVER) -> None:
        """Have so many of the next calls of this action, such as `PutUserPolicy`, meet with it."""
        with self._lock:
            self._faults.append(_Fault(kind, action, calls))

    def end(self) -> None:
        """Let all be well again."""
        with self._lock:
            self._faults.clear()

    def next(self, action: str) -> Kind | None:
        """Return what befalls this call."""
        with self._lock:
            self.calls[action] += 1
            found = next((each for each in self._faults if each.action == action and each.calls), None)
            if found is None:
                return None
            found.calls -= 1
            self.met[found.kind] += 1
            return found.kind


@contextmanager
def faulty_aws(endpoint: str) -> Iterator[AwsFaults]:
    """Give a proxy before the endpoint; without a fault it passes all on."""
    faults, host = AwsFaults(), urlsplit(endpoint).netloc

    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # the handlers' own name
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind = faults.next(parse_qs(body.decode(errors="replace")).get("Action", [""])[0])
            if kind in ERRORS:
                status, code, message = ERRORS[kind]
                error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
                said = f"<ErrorResponse>{error}<RequestId>drill</RequestId></ErrorResponse>"
                self._answer(status, "text/xml", said.encode())
                return
            if kind == "slow":
                time.sleep(SLOW_SECONDS)
            status, content_type, answer = self._passed_on(body) if kind != "cut" else (0, "", b"")
            if kind in {"cut", "lost answer"}:
                self.close_connection = True
                return
            self._answer(status, content_type, answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the handlers' own name
            """Say nothing."""

        def _passed_on(self, body: bytes) -> tuple[int, str, bytes]:
            there = http.client.HTTPConnection(host, timeout=30)
            try:
                there.request("POST", self.path, body, dict(self.headers))
                answer = there.getresponse()
                return answer.status, answer.headers.get("Content-Type", "text/xml"), answer.read()
            finally:
                there.close()

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="faulty aws", daemon=True)
    thread.start()
    faults.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield faults
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

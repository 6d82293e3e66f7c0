"""`/healthz` and `/metrics` of the responder."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prefect_cloudtrail.errors import ResponseError, StateError
from prefect_cloudtrail.response.metrics import Metric, metrics, text
from prefect_cloudtrail.response.responder import HEARTBEAT
from prefect_cloudtrail.store import Store

# A look takes seconds where AWS is slow; longer than this it hangs.
STALE = timedelta(seconds=60)


@dataclass(frozen=True)
class Health:
    """How the responder is: `ok`, and what it counts, by name."""

    ok: bool
    said: str
    counts: dict[str, int]


def health(store: Store, now: datetime) -> Health:
    """Return how the responder is: well where it looked for work within a minute."""
    try:
        last = store.responses.last_beat(HEARTBEAT)
        counts = {
            "to_carry_out": len(store.responses.to_carry_out()),
            "watched": sum(each.next_at is not None for each in store.responses.watches()),
            "breaker_tripped": int(store.responses.breaker().tripped),
        }
    except StateError as error:
        return Health(ok=False, said=str(error), counts={})
    if last is None or now - last > STALE:
        return Health(ok=False, said=f"has not looked for work since {last or 'it was started'}", counts=counts)
    if last - now > STALE:
        said = f"looked for work at {last}, which is ahead of this clock: set the clocks"
        return Health(ok=False, said=said, counts=counts)
    return Health(ok=True, said="ok", counts=counts)


def measured(store: Store, found: Health, now: datetime) -> list[Metric]:
    """Return what `/metrics` says; where the case store cannot be asked, that alone."""
    up = Metric("responder_up", "Whether the responder looked for work within a minute.", int(found.ok))
    try:
        return [up, *(metrics(store, found.counts, now) if found.counts else [])]
    except StateError:
        return [up]


@contextmanager
def served(store: Store, clock: Callable[[], datetime], address: str, port: int) -> Iterator[int]:
    """Answer `/healthz` (200 or 503, JSON) and `/metrics` (Prometheus's text) until the end; give the port.

    Raises:
        ResponseError: the port cannot be listened on.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in {"/healthz", "/metrics"}:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", "see /healthz and /metrics\n")
                return
            now = clock()
            found = health(store, now)
            if self.path == "/metrics":
                self._answer(HTTPStatus.OK, "text/plain; version=0.0.4", text(measured(store, found, now)))
                return
            status = HTTPStatus.OK if found.ok else HTTPStatus.SERVICE_UNAVAILABLE
            body = json.dumps({"ok": found.ok, "said": found.said, **found.counts})
            self._answer(status, "application/json", body + "\n")

        def _answer(self, status: HTTPStatus, kind: str, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            """Say nothing: it is asked every few seconds."""

    try:
        server = ThreadingHTTPServer((address, port), Handler)
    except OSError as error:
        raise ResponseError(f"cannot listen on {address}:{port}: {error}; give another --port") from error
    thread = threading.Thread(target=server.serve_forever, name="answers /healthz", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

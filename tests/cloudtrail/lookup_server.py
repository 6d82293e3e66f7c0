"""LookupEvents at this machine: JSON 1.1, newest first, 50 at a time, and what may go wrong."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

ACCOUNT = "111122223333"
PAGE = 50
IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{0}:user/reader</Arn>"
    "<UserId>AIDAEXAMPLE</UserId><Account>{0}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@dataclass
class Lookup:
    """What happened, by region, each event with the moment from which on it can be looked up."""

    endpoint: str = ""
    now: datetime = datetime(2026, 2, 2, 12, tzinfo=UTC)
    events: dict[str, list[tuple[datetime, dict[str, Any]]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)  # region and error code, each once

    def add(self, region: str, record: dict[str, Any], known_from: datetime | None = None) -> None:
        at = datetime.fromisoformat(record["eventTime"])
        self.events.setdefault(region, []).append((known_from or at, record))

    def answer(self, region: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append((region, asked))
        for fault in self.faults:
            if fault[0] == region:
                self.faults.remove(fault)
                return 400, {"__type": fault[1], "message": "no"}
        start, end = asked.get("StartTime", 0), asked.get("EndTime", self.now.timestamp())
        known = [each for known_from, each in self.events.get(region, []) if known_from <= self.now]
        inside = [(datetime.fromisoformat(each["eventTime"]).timestamp(), each) for each in known]
        inside = sorted((each for each in inside if start <= each[0] <= end), key=lambda each: -each[0])
        first = int(asked.get("NextToken", 0))
        size = asked.get("MaxResults", PAGE)
        events = [
            {"EventId": each["eventID"], "EventTime": at, "CloudTrailEvent": json.dumps(each)}
            for at, each in inside[first : first + size]
        ]
        more = {"NextToken": str(first + size)} if first + size < len(inside) else {}
        return 200, {"Events": events} | more


@contextmanager
def serving() -> Iterator[Lookup]:
    """Serve until the `with` ends."""
    lookup = Lookup()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if "X-Amz-Target" in self.headers:
                region = self.headers["Authorization"].partition("Credential=")[2].split("/")[2]
                status, said = lookup.answer(region, json.loads(body))
                answer, kind = json.dumps(said).encode(), "application/x-amz-json-1.1"
            else:  # STS
                status, answer, kind = 200, IDENTITY.format(ACCOUNT).encode(), "text/xml"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's own name
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    lookup.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield lookup
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

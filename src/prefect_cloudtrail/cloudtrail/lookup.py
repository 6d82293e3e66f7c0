"""Management events as LookupEvents answers them, for an account without a trail: slices of time stand for objects.

A slice is 15 minutes of one account and region, asked three times as it ages, each time an object of its own: events
come late, and event ids remove the doubles. Of what is due only the latest asking is made, which holds all the earlier.
So a region never runs ahead of the others: where one cannot be asked, nothing later is read before the next run.
"""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from prefect_cloudtrail.cloudtrail.folder import LogObject, delivered_at
from prefect_cloudtrail.cloudtrail.refusals import Refused, code_of, refused
from prefect_cloudtrail.errors import SourceError

if TYPE_CHECKING:
    from types_boto3_cloudtrail import CloudTrailClient

PERMISSIONS = ("cloudtrail:LookupEvents",)
SLICE = timedelta(minutes=15)
# CloudTrail keeps them for 90 days; what is about to go is not asked any more.
KEPT = timedelta(days=90) - SLICE
# After a slice's beginning: most of its events are there by the first, and again for those that came late.
FIRST_ASKED, ASKED_AGAIN = timedelta(minutes=20), timedelta(minutes=60)
# AWS allows two requests a second and region, the console's included.
PACE = timedelta(seconds=0.5)
# What it counts for where parts of a run are cut: about two hours of one region, as nobody knows before it is asked.
_NOMINAL_BYTES = 4 * 2**20
_AHEAD = 4
_PAGE = 50
_AGAIN = 3
_KEY = re.compile(
    r"lookup/(?P<account>\d{12})/(?P<region>[a-z0-9-]+)/\d{4}/\d\d/\d\d/"
    r"\d{12}_lookup_[a-z0-9-]+_(?P<asked>\d{8}T\d{4}Z)_(?P<start>\d{8}T\d{4}Z)\.json",
    re.ASCII,
)
_MINUTE = "%Y%m%dT%H%MZ"
_LOST = ("InvalidNextTokenException",)
_ADVICE = {
    "ThrottlingException": (
        "AWS has throttled it for too long: it allows two requests a second and region, so see who else asks, "
        "and run again later"
    ),
}


@dataclass(frozen=True)
class Slice:
    """The events of one account and region in the 15 minutes from `start`, as they are at `asked`."""

    account: str
    region: str
    start: datetime
    asked: datetime

    @property
    def key(self) -> str:
        """What the ledger calls it."""
        name = f"{self.account}_lookup_{self.region}_{self.asked:{_MINUTE}}_{self.start:{_MINUTE}}.json"
        return f"lookup/{self.account}/{self.region}/{self.start:%Y/%m/%d}/{name}"

    @classmethod
    def of(cls, key: str) -> "Slice":
        """Return the slice of this key; raises SourceError where it is none's."""
        found = _KEY.fullmatch(key)
        # As an object's own name says when it was delivered; None for the 99th hour, too.
        start, asked = (delivered_at(f"_{found[name]}_") if found else None for name in ("start", "asked"))
        if not found or start is None or asked is None:
            raise SourceError(f"{key} is no slice of LookupEvents: read it from the source it came from")
        return cls(found["account"], found["region"], start, asked)


def askings(look_back: timedelta) -> list[timedelta]:
    """Return how long after its beginning a slice is asked, first to last.

    The last is when the look-back ends, as event ids remove doubles for so long and no longer.
    """
    last = look_back - look_back % SLICE
    return sorted({FIRST_ASKED} | {each for each in (ASKED_AGAIN, last) if 2 * SLICE < each <= last})


class LookupSource:
    """An account's management events of the last 90 days, region by region."""

    def __init__(
        self,
        clients: Mapping[str, "CloudTrailClient"],
        account: str,
        *,
        look_back: timedelta = timedelta(hours=2),
        since: datetime | None = None,
        until: datetime | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        pace: timedelta = PACE,
    ) -> None:
        """Read the account's events.

        Args:
            clients: one for each region.
            account: whose they are.
            look_back: as the runs have it; until then a slice is asked again.
            since: nothing that happened before is asked.
            until: nothing that happened after it is asked.
            clock: what time it is.
            pace: between the beginnings of two requests to one region, at the least.
        """
        self.clients = clients
        self.account = account
        self._askings = askings(look_back)
        self._since = since
        self._until = until
        self._clock = clock
        self._pace = pace.total_seconds()
        self._asked_at = dict.fromkeys(clients, 0.0)
        self._failed: SourceError | None = None

    def list(self, since: datetime | None = None) -> list[LogObject]:
        """Return the slices that may be new, sorted by key, each once: as it is to be asked now.

        Args:
            since: left out is what was to be asked before.
        """
        self._failed = None
        now = self._clock()
        last = self._askings[-1]
        first = max(each for each in (now - KEPT, since and since - last, self._since) if each)
        start, end = first - (first - datetime.min.replace(tzinfo=UTC)) % SLICE, self._until or now
        found = []
        while start <= end:
            asked = max((start + each for each in self._askings if start + each <= now), default=None)
            if asked and not (since and asked < since):
                found += [Slice(self.account, region, start, asked) for region in self.clients]
            start += SLICE
        objects = [LogObject(each.key, _NOMINAL_BYTES, each.asked, is_measured=False) for each in found]
        return sorted(objects, key=lambda each: each.key)

    def read(self, key: str) -> bytes:
        """Return the slice's events as CloudTrail would write them into an object: those that are there now, all.

        Raises:
            SourceError: it cannot be asked, or not whole.
        """
        asked = Slice.of(key)
        if asked.account != self.account or asked.region not in self.clients:
            raise SourceError(
                f"{key} is of account {asked.account}, {asked.region}: these credentials are of {self.account}, "
                f"and --source asks {', '.join(self.clients)}"
            )
        events = self._whole(asked)
        # The oldest first, so that what comes later moves as few as may be.
        return b'{"Records":[' + ",".join(map(_written, events)).encode() + b"]}"

    def fetch(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | Exception]]:
        """Yield each key with its slice's events, or why it cannot be read.

        Regions are asked beside each other, each at its own pace. After the first that fails, none is read until the
        next `list`: what is later must not be judged before it.
        """
        waiting: deque[tuple[str, Future[bytes]]] = deque()
        with ExitStack() as stack:
            regions = {region: stack.enter_context(ThreadPoolExecutor(1)) for region in self.clients}
            stack.callback(lambda: [future.cancel() for _, future in waiting])
            for key in keys:
                if len(waiting) == _AHEAD * len(regions):
                    yield self._next(waiting)
                waiting.append((key, regions[_region(key, regions)].submit(self._unless_failed, key)))
            while waiting:
                yield self._next(waiting)

    def look(self, region: str) -> datetime | None:
        """Return when the newest event happened that the region knows; raises SourceError where it cannot be asked."""
        events = self._asked(region, {"MaxResults": 1}).get("Events", [])
        return events[0]["EventTime"].astimezone(UTC) if events else None

    def _next(self, waiting: deque[tuple[str, Future[bytes]]]) -> tuple[str, bytes | Exception]:
        key, future = waiting.popleft()
        content: bytes | Exception
        try:
            content = future.result()
        except SourceError as error:
            content, self._failed = error, self._failed or error
        return key, self._failed or content

    def _unless_failed(self, key: str) -> bytes:
        if self._failed:
            raise self._failed
        return self.read(key)

    def _whole(self, asked: Slice) -> Sequence[Any]:
        """Every event of the slice, oldest first; a slice of which a page is missing is begun again."""
        for left in reversed(range(_AGAIN)):
            try:
                events = [*self._pages(asked)]
            except _PageLostError as error:
                if not left:
                    raise refused(error.cause, _failed(asked.region), PERMISSIONS[0]) from error.cause
            else:
                # Whether the end belongs to it, AWS does not say; an event of the next slice is the next slice's.
                mine = [each for each in events if asked.start <= each["EventTime"] < asked.start + SLICE]
                return sorted(mine, key=lambda each: (each["EventTime"], each.get("EventId", "")))
        raise AssertionError("unreachable")

    def _pages(self, asked: Slice) -> Iterator[Any]:
        page: dict[str, Any] = {"StartTime": asked.start, "EndTime": asked.start + SLICE, "MaxResults": _PAGE}
        while True:
            answer = self._asked(asked.region, page)
            yield from answer.get("Events", [])
            if not answer.get("NextToken"):
                return
            page["NextToken"] = answer["NextToken"]

    def _asked(self, region: str, page: Mapping[str, Any]) -> Any:  # noqa: ANN401 - boto3's own
        pause = self._asked_at[region] + self._pace - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._asked_at[region] = time.monotonic()
        try:
            return self.clients[region].lookup_events(**page)
        except Refused as error:
            if code_of(error) in _LOST:
                raise _PageLostError(error) from error
            raise refused(error, _failed(region), f"{PERMISSIONS[0]}, or leave {region} out", _ADVICE) from error


class _PageLostError(Exception):
    """The place in the list is not known to AWS any more."""

    def __init__(self, cause: BotoCoreError | ClientError) -> None:
        super().__init__()
        self.cause = cause


def _written(event: Mapping[str, Any]) -> str:
    """Return the record as CloudTrail wrote it; one that is damaged as a text, which is rejected by itself."""
    record = str(event.get("CloudTrailEvent", ""))
    try:
        json.loads(record, parse_int=str)  # of any length
    except (ValueError, RecursionError):
        return json.dumps(record)
    return record


def _failed(region: str) -> str:
    return f"cannot look up events in {region}"


def _region(key: str, regions: Mapping[str, object]) -> str:
    """Whose turn it is to say what is wrong with a key, where it is none of ours."""
    found = _KEY.fullmatch(key)
    return found["region"] if found and found["region"] in regions else next(iter(regions))

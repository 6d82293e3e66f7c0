"""Log objects in an S3 bucket, where CloudTrail delivers them."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from prefect_cloudtrail.cloudtrail.budget import Budget
from prefect_cloudtrail.cloudtrail.folder import LogObject, delivered_at
from prefect_cloudtrail.cloudtrail.loop import LoopThread
from prefect_cloudtrail.cloudtrail.s3_errors import explained
from prefect_cloudtrail.cloudtrail.s3_layout import holds_log
from prefect_cloudtrail.cloudtrail.s3_listing import listed
from prefect_cloudtrail.errors import SourceError

PERMISSIONS = ("s3:GetObject", "s3:ListBucket")
MAX_OBJECTS = 128
MAX_BYTES = 128_000_000


class S3Source:
    """The log objects below one prefix of a bucket; a key is relative to the prefix.

    So a trail has the same keys here as in a copy in a folder. Left out are digests and Insights, what other services
    log in AWSLogs beside CloudTrail, what is hidden, and objects whose names do not end as logs do.
    """

    def __init__(
        self,
        store: S3Store,
        bucket: str,
        prefix: str = "",
        *,
        first_day: date | None = None,
        max_objects: int = MAX_OBJECTS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """Read from the store.

        Args:
            store: the whole bucket.
            bucket: its name.
            prefix: the folder of the bucket to read, of any depth; empty for all of it.
            first_day: as if `since` were this UTC day's first minute at the least.
            max_objects: how many objects are on their way, or wait for the reader, at the most.
            max_bytes: how many bytes these may hold; the object read next is fetched even where it is larger.
        """
        self._store = store
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._first_day = first_day
        self._max_objects = max_objects
        self._max_bytes = max_bytes

    def list(self, since: datetime | None = None) -> list[LogObject]:
        """Return the log objects that may be new, sorted by key.

        Args:
            since: left out is what was delivered before. It is not even asked for where the trail lies as CloudTrail
                lays it. Objects that do not say when they were delivered are listed with the others, but beside a
                trail's folders, or in a region's folder under a name that sorts before `since`, only where it is None.

        Raises:
            SourceError: the bucket cannot be listed; or it holds no log object, and `since` is None.
        """
        start = self._start(since)
        with self._explained("list", self._prefix), LoopThread() as loop:
            found = loop.start(listed(self._store, self._prefix, start)).result()
        objects = {}
        for meta in found:
            key, delivered = meta["path"].removeprefix(self._prefix), delivered_at(meta["path"])
            if holds_log(meta["path"], self._prefix) and not (start and delivered and delivered < start):
                objects[key] = LogObject(key, meta["size"], delivered)
        if not objects and since is None:
            after = f" delivered on {self._first_day} or later" if self._first_day else ""
            raise SourceError(
                f"s3://{self._bucket}/{self._prefix} holds no log object{after}: "
                "name the trail's bucket, and the prefix below which AWSLogs/ lies"
            )
        return [objects[key] for key in sorted(objects)]

    def covers(self, bucket: str, path: str) -> bool:
        """Return whether a path of a bucket is one below the prefix, whatever lies there."""
        return bucket == self._bucket and path.startswith(self._prefix)

    def key_of(self, path: str) -> str | None:
        """Return the key that `list` gives the object at a path of the bucket; None where it is no log."""
        return path.removeprefix(self._prefix) if holds_log(path, self._prefix) else None

    def sizes(self, keys: Sequence[str]) -> Iterator[tuple[str, int | SourceError]]:
        """Yield each key with its object's size in bytes, or why it cannot be looked at, in the order of the keys."""
        waiting: deque[tuple[str, Future[int | SourceError]]] = deque()
        with LoopThread() as loop:
            for key in keys:
                if len(waiting) == self._max_objects:
                    first, future = waiting.popleft()
                    yield first, future.result()
                waiting.append((key, loop.start(self._size(key))))
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()

    async def _size(self, key: str) -> int | SourceError:
        try:
            with self._explained("read", self._prefix + key):
                return (await obstore.head_async(self._store, self._prefix + key))["size"]
        except SourceError as error:
            return error

    def read(self, key: str) -> bytes:
        """Return one object's bytes, as they lie there.

        Raises:
            SourceError: it cannot be read.
        """
        with self._explained("read", self._prefix + key):
            return obstore.get(self._store, self._prefix + key).bytes().to_bytes()

    def fetch(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | Exception]]:
        """Yield each key with its object's bytes, or the SourceError that says why it cannot be read.

        The order is that of `keys`. Objects are fetched ahead of the reader, so many and so large as `max_objects` and
        `max_bytes` allow; a reader who stops is waited for.
        """
        budget = Budget(self._max_bytes)
        waiting: deque[tuple[str, Future[bytes | Exception]]] = deque()
        with LoopThread() as loop:
            for ticket, key in enumerate(keys):
                if len(waiting) == self._max_objects:
                    yield self._next(loop, budget, waiting)
                waiting.append((key, loop.start(self._fetch(key, ticket, budget))))
            while waiting:
                yield self._next(loop, budget, waiting)

    def _next(
        self, loop: LoopThread, budget: Budget, waiting: deque[tuple[str, Future[bytes | Exception]]]
    ) -> tuple[str, bytes | Exception]:
        key, future = waiting.popleft()
        content = future.result()
        loop.start(budget.give_back())
        return key, content

    async def _fetch(self, key: str, ticket: int, budget: Budget) -> bytes | Exception:
        try:
            with self._explained("read", self._prefix + key):
                result = await obstore.get_async(self._store, self._prefix + key)
                await budget.take(ticket, result.meta["size"])
                return (await result.bytes_async()).to_bytes()
        except SourceError as error:
            return error

    def _start(self, since: datetime | None) -> datetime | None:
        first = datetime.combine(self._first_day, time(), UTC) if self._first_day else None
        # Names say the minute of delivery, not the second.
        asked = since.astimezone(UTC).replace(second=0, microsecond=0) if since else None
        return max((each for each in (first, asked) if each), default=None)

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        try:
            yield
        # ValueError is a key that cannot be; what is gone comes as FileNotFoundError, other OSErrors as themselves.
        except (BaseError, OSError, ValueError) as error:
            raise explained(error, verb, self._bucket, key) from error

"""Log objects to EVENTS and REJECTED, in bulk: every record is in one of the two, or counted as passed over."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from prefect_cloudtrail.cloudtrail.columns import account_in_path, columns_of
from prefect_cloudtrail.cloudtrail.reasons import Reason, sample
from prefect_cloudtrail.cloudtrail.records import Item, Record, decode
from prefect_cloudtrail.cloudtrail.split import split
from prefect_cloudtrail.cloudtrail.unpack import Text, unpack
from prefect_cloudtrail.schema import EVENTS, REJECTED, empty

MAX_OBJECT_BYTES = 512_000_000
_BATCH_BYTES = 3_000_000  # columns cost too much for a tiny object's few records, and too much memory for all
_PART_RECORDS = 4_000
# Outside of texts, which stay as they are.
_BLANKS = re.compile(rb'("(?:[^"\\]++|\\.)*+")|[ \t\r\n]++', re.DOTALL)
LONGEST_ID = 256
# Digests and Insights, and what other services log beside CloudTrail.
_NO_LOG = re.compile(
    r"(?:^|/)CloudTrail-(?:Digest|Insight)/|_CloudTrail-(?:Digest|Insight)_[^/]*$"
    r"|(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?\d{12}/(?!CloudTrail/)[^/]+/"
)


@dataclass(frozen=True)
class Parsed:
    """What log objects held.

    `events` is EVENTS and `rejected` REJECTED, both in the order of the objects and of their records. `bytes` counts
    the JSON read; `passed_over` the records of CloudTrail Insights, the digests, and objects known as either by name.
    """

    events: pl.DataFrame
    rejected: pl.DataFrame
    bytes: int
    passed_over: int


def is_log(key: str) -> bool:
    """Return whether the name is not that of a digest or of Insights records, which lie beside the logs."""
    return not _NO_LOG.search(key)


def parse(objects: Iterable[tuple[str, bytes]], max_object_bytes: int = MAX_OBJECT_BYTES) -> Parsed:
    """Return the events of all the objects, and what could not be read; never raises for what an object holds.

    Args:
        objects: key and content of each, compressed or not; taken one by one.
        max_object_bytes: an object with more JSON than this is rejected as `too_large`, and not held.
    """
    parser = Parser(max_object_bytes)
    for key, content in objects:
        parser.add(key, content)
    return parser.finish()


@dataclass(frozen=True)
class _Object:
    """One object of a batch: its JSON and its items, or why there are none, with a sample."""

    key: str
    text: Text
    items: list[Item]
    refused: tuple[Reason, str] | None = None


class Parser:
    """Takes objects one by one, and builds their columns once per some megabytes of JSON."""

    def __init__(self, max_object_bytes: int = MAX_OBJECT_BYTES) -> None:
        self._limit = max_object_bytes
        self._events: list[pl.DataFrame] = []
        self._rejected: list[pl.DataFrame] = []
        self._bytes = self._batch_bytes = self._passed_over = 0
        self._batch: list[_Object] = []

    def add(self, key: str, content: bytes) -> None:
        """Read one object."""
        if not is_log(key):
            self._passed_over += 1
            return
        text = unpack(key, content, self._limit)
        if isinstance(text, Reason):
            self.reject(key, text, sample(content))
            return
        self._bytes += len(text)
        items = decode(text)
        if items is None:
            self.reject(key, Reason.BAD_JSON, sample(text))
            return
        self._batch.append(_Object(key, text, items))
        self._batch_bytes += len(text)
        if self._batch_bytes >= _BATCH_BYTES:
            self._build()

    def reject(self, key: str, reason: Reason, what: str) -> None:
        """Note that an object could not be read at all; `what` is its sample."""
        self._batch.append(_Object(key, b"", [], (reason, what)))

    def finish(self) -> Parsed:
        """Return what all the objects held."""
        self._build()
        return Parsed(
            pl.concat([empty(EVENTS), *self._events], rechunk=True),
            pl.concat([empty(REJECTED), *self._rejected], rechunk=True),
            self._bytes,
            self._passed_over,
        )

    def _build(self) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        events, rejected, passed_over = _frames(batch)
        self._events.append(events)
        self._rejected.append(rejected)
        self._passed_over += passed_over


def _frames(batch: list[_Object]) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return the batch's EVENTS and REJECTED, and how many records were passed over."""
    records: list[Record] = []
    numbers: list[int] = []
    offsets: list[int] = []
    rejected: list[tuple[int, int | None, str]] = []
    for number, held in enumerate(batch):
        if held.refused:
            rejected.append((number, None, held.refused[0]))
        for offset, item in enumerate(held.items):
            if isinstance(item, Reason):
                rejected.append((number, offset, item))
            else:
                records.append(item)
                numbers.append(number)
                offsets.append(offset)
    # A large object's records in parts, so that they stay in the processor's cache while their columns are built.
    parts = range(0, max(len(records), 1), _PART_RECORDS)
    frame = pl.concat([columns_of(records[part : part + _PART_RECORDS]) for part in parts]).with_columns(
        pl.Series("object", numbers, pl.UInt32),
        pl.Series("log.file.path", [batch[number].key for number in numbers], pl.String),
        pl.Series("log.offset", offsets, pl.UInt32),
    )
    raw = _RawRecords(batch)
    kept = frame.filter(~pl.col("passed_over"))
    rejected += kept.filter(pl.col("reason").is_not_null()).select("object", "log.offset", "reason").iter_rows()
    events = kept.filter(pl.col("reason").is_null())
    return _completed(events, raw).select(*EVENTS), _rejections(rejected, raw), frame.height - kept.height


class _RawRecords:
    """The batch's records as they were written, cut apart only where one is asked for."""

    def __init__(self, batch: list[_Object]) -> None:
        self._batch = batch
        self._pieces: dict[int, list[bytes]] = {}

    def key(self, number: int) -> str:
        return self._batch[number].key

    def sample(self, number: int, offset: int | None) -> str:
        refused = self._batch[number].refused
        return refused[1] if refused else sample(self.record(number, offset or 0))

    def record(self, number: int, offset: int) -> bytes:
        if number not in self._pieces:
            self._pieces[number] = split(self._batch[number].text)
        return self._pieces[number][offset]


def _completed(events: pl.DataFrame, raw: _RawRecords) -> pl.DataFrame:
    if events["cloud.account.id"].null_count():
        events = events.with_columns(pl.coalesce("cloud.account.id", account_in_path()).alias("cloud.account.id"))
    # An id that no index takes, as only a forged record has it, is none.
    events = events.with_columns(
        pl.when(pl.col(name).str.len_bytes() <= LONGEST_ID).then(pl.col(name)).alias(name)
        for name in ("event.id", "aws.cloudtrail.shared_event_id")
    )
    nameless = events["event.id"].is_null()
    if nameless.any():
        places = events.filter(nameless).select("object", "log.offset").iter_rows()
        ids = pl.Series([_event_id(raw.record(number, offset)) for number, offset in places], dtype=pl.String)
        events = events.with_columns(events["event.id"].scatter(nameless.arg_true(), ids))
    return events


def _rejections(rejected: list[tuple[int, int | None, str]], raw: _RawRecords) -> pl.DataFrame:
    rejected.sort(key=lambda row: (row[0], row[1] or 0))
    return pl.DataFrame(
        [(raw.key(number), offset, str(reason), raw.sample(number, offset)) for number, offset, reason in rejected],
        schema=REJECTED,
        orient="row",
    )


def _event_id(record: bytes) -> str:
    """Return an id for a record that has none: the same one wherever and however indented the record is met."""
    written = _BLANKS.sub(rb"\1", record)
    return f"sha256:{hashlib.sha256(written).hexdigest()[:32]}"

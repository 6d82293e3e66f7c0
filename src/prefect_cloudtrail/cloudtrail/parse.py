"""Log objects to EVENTS and REJECTED, in bulk: every record is in one of the two, or counted as passed over."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat

import polars as pl

from prefect_cloudtrail.cloudtrail.columns import Callers, columns_of, completed, reason
from prefect_cloudtrail.cloudtrail.reasons import Reason, sample
from prefect_cloudtrail.cloudtrail.records import Decoded, Record, decode
from prefect_cloudtrail.cloudtrail.split import split
from prefect_cloudtrail.cloudtrail.unpack import Text, unpack
from prefect_cloudtrail.schema import EVENTS, REJECTED, empty

MAX_OBJECT_BYTES = 256_000_000
# A record takes up to a hundred times the memory of its JSON where that is two bytes long.
MAX_RECORDS = 1_000_000
_BATCH_BYTES = 3_000_000  # columns cost too much for a tiny object's few records, and too much memory for all
_PART_RECORDS = 4_000
# Outside of texts, which stay as they are.
_BLANKS = re.compile(rb'("(?:[^"\\]++|\\.)*+")|[ \t\r\n]++', re.DOTALL)
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
    `callers` is a number for each event, equal only where the whole userIdentity is.
    """

    events: pl.DataFrame
    callers: pl.Series
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
        max_object_bytes: an object with more JSON than this is rejected as `too_large`, and not held; so is one of more
            than MAX_RECORDS records.
    """
    parser = Parser(max_object_bytes)
    for key, content in objects:
        parser.add(key, content)
    return parser.finish()


class Parser:
    """Takes objects one by one, and builds their columns once per some megabytes of JSON."""

    def __init__(self, max_object_bytes: int = MAX_OBJECT_BYTES) -> None:
        self._limit = max_object_bytes
        self._keys: list[str] = []
        self._callers = Callers()
        self._rows: list[pl.DataFrame] = []
        self._rejected: list[tuple[int, int | None, str, str]] = []
        self._bytes = self._passed_over = 0
        self._batch = _Batch()

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
        decoded = decode(text, MAX_RECORDS)
        if isinstance(decoded, Reason):
            self.reject(key, decoded, sample(text))
            return
        self._passed_over += decoded.passed_over
        self._batch.add(self._number(key), text, decoded)
        if self._batch.bytes >= _BATCH_BYTES:
            self._build()

    def reject(self, key: str, reason: Reason, what: str) -> None:
        """Note that an object could not be read at all; `what` is its sample."""
        self._rejected.append((self._number(key), None, reason, what))

    def finish(self) -> Parsed:
        """Return what all the objects held."""
        self._build()
        events, callers = empty(EVENTS), pl.Series(dtype=pl.UInt32)
        if self._rows:
            rows = pl.concat(self._rows)
            events, callers = completed(rows, self._callers, self._keys), rows["caller"]
        self._rejected.sort(key=lambda row: (row[0], row[1] or 0))
        rejected = [(self._keys[number], *rest) for number, *rest in self._rejected]
        refused = pl.DataFrame(rejected, schema=REJECTED, orient="row")
        return Parsed(events, callers, refused, self._bytes, self._passed_over)

    def _number(self, key: str) -> int:
        self._keys.append(key)
        return len(self._keys) - 1

    def _build(self) -> None:
        """Make columns of the batch while its texts are there, in which a few records must be looked at again."""
        batch, self._batch = self._batch, _Batch()
        self._refuse(batch, batch.refused)
        # A large object's records in parts, so that they stay in the processor's cache while their columns are built.
        for start in range(0, len(batch.records), _PART_RECORDS):
            part = slice(start, start + _PART_RECORDS)
            rows = columns_of(batch.records[part], self._callers).hstack(
                [
                    pl.Series("object", batch.objects[part], pl.UInt32),
                    pl.Series("log.offset", batch.places[part], pl.UInt32),
                ]
            )
            if any(rows[name].null_count() for name in ("@timestamp", "event.provider", "event.action")):
                rows = rows.with_columns(reason())
                self._refuse(batch, rows.drop_nulls("reason").select("object", "log.offset", "reason").iter_rows())
                rows = rows.filter(pl.col("reason").is_null()).drop("reason")
            self._rows.append(_with_ids(rows, batch))

    def _refuse(self, batch: "_Batch", refused: Iterable[tuple[int, int, str]]) -> None:
        self._rejected += [
            (number, place, str(why), sample(batch.record(number, place))) for number, place, why in refused
        ]


class _Batch:
    """Some megabytes of objects: their records, of each the object and its place there, and their JSON."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.objects: list[int] = []
        self.places: list[int] = []
        self.refused: list[tuple[int, int, str]] = []
        self.bytes = 0
        self._texts: dict[int, Text] = {}
        self._pieces: dict[int, list[bytes]] = {}

    def add(self, number: int, text: Text, decoded: Decoded) -> None:
        self.records += decoded.records
        self.objects += repeat(number, len(decoded.records))
        self.places += decoded.places
        self.refused += [(number, place, reason) for place, reason in decoded.refused]
        self.bytes += len(text)
        self._texts[number] = text

    def record(self, number: int, place: int) -> bytes:
        """Return a record as it was written: an object is cut apart only where one is asked for."""
        if number not in self._pieces:
            self._pieces[number] = split(self._texts[number])
        return self._pieces[number][place]


def _with_ids(rows: pl.DataFrame, batch: _Batch) -> pl.DataFrame:
    nameless = rows["event.id"].is_null()
    if not nameless.any():
        return rows
    places = rows.filter(nameless).select("object", "log.offset").iter_rows()
    ids = pl.Series([_event_id(batch.record(number, place)) for number, place in places], dtype=pl.String)
    return rows.with_columns(rows["event.id"].scatter(nameless.arg_true(), ids))


def _event_id(record: bytes) -> str:
    """Return an id for a record that has none: the same one wherever and however indented the record is met."""
    written = _BLANKS.sub(rb"\1", record)
    return f"sha256:{hashlib.sha256(written).hexdigest()[:32]}"

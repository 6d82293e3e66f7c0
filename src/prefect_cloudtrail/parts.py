"""1 to 3, for a part of what arrived: from log objects to events that are placed, named and dated.

A part is read in this process, in one beside it, or on another machine, by the same function: it holds no more than a
part at a time, and what it returns is small.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

import polars as pl

from prefect_cloudtrail import arrivals
from prefect_cloudtrail.cloudtrail import MAX_OBJECT_BYTES, Content, LogObject, Source, fetched, parse_fetched
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.history import CODED
from prefect_cloudtrail.named import named
from prefect_cloudtrail.processes import Processes
from prefect_cloudtrail.schema import ARRIVED, UTC_MICROSECONDS, Schema
from prefect_cloudtrail.seen import KEY, with_bits

# As they are stored; unpacked, and as records, they take about forty times as much memory.
PART_BYTES = 6 * 2**20
PART_OBJECTS = 1_000
# Fewer bytes are read before another process has begun.
WORTH_PROCESSES = 4 * PART_BYTES

# Like events beside each other: sent, and kept, in half the room, and found together.
_ALIKE = pl.col("person", "network", "command", "log.file.path").cast(CODED).to_physical()

LEFT: Schema = {"log.file.path": pl.String, "left": pl.Int64}


@dataclass(frozen=True)
class Asked:
    """How the events of a chunk are read: which are taken, when they count, where they are."""

    geo: Geo
    until: datetime
    since: datetime | None
    checkpoint: datetime | None
    look_back: timedelta
    read_until: Mapping[str, datetime]  # of objects of which an earlier run left what was later
    max_object_bytes: int = MAX_OBJECT_BYTES


@dataclass(frozen=True)
class Part:
    """What some objects held.

    `arrived` is ARRIVED, doubles and all, in Parquet where it comes from another process; `rejected` REJECTED; `left`
    how many events of an object are later than `until`; `passed_over` counts records that are no events, and events
    before `since`.
    """

    arrived: pl.DataFrame | bytes
    rejected: pl.DataFrame
    left: pl.DataFrame
    bytes: int
    passed_over: int

    def rows(self) -> pl.LazyFrame:
        """Return ARRIVED."""
        return pl.scan_parquet(self.arrived) if isinstance(self.arrived, bytes) else self.arrived.lazy()

    def packed(self) -> "Part":
        """Return the part as it is sent to another process: a tenth of its size, and no copy of it afterwards."""
        if isinstance(self.arrived, bytes):
            return self
        file = io.BytesIO()
        self.arrived.write_parquet(file, compression="lz4", statistics=False)
        return replace(self, arrived=file.getvalue())


class Reading(Protocol):
    """Where parts are read."""

    def __call__(self, source: Source, objects: Sequence[LogObject], asked: Asked) -> Iterator[tuple[int, Part]]:
        """Yield each part, in the order of the objects, and how many of these it read."""
        ...


def read_part(objects: Sequence[LogObject], held: Iterable[Content], asked: Asked) -> Part:
    """Return what the objects hold, whatever it is: what cannot be read is rejected with its reason.

    Args:
        objects: which.
        held: of each, its bytes, or why it could not be fetched; taken one by one.
        asked: how.
    """
    parsed = parse_fetched(objects, held, asked.max_object_bytes)
    inside = pl.col("@timestamp") <= asked.until
    left = parsed.events.filter(~inside).group_by("log.file.path").agg(pl.len().cast(pl.Int64).alias("left"))
    before = parsed.events.filter(pl.col("@timestamp") < asked.since).height if asked.since else 0
    events = parsed.events.with_columns(parsed.callers.alias("caller")).filter(inside)
    if asked.since:
        events = events.filter(pl.col("@timestamp") >= asked.since)
    read_until = {each.key: asked.read_until[each.key] for each in objects if each.key in asked.read_until}
    if read_until:
        path = pl.col("log.file.path")
        known = path.replace_strict(read_until, default=None, return_dtype=UTC_MICROSECONDS)
        events = events.filter(known.is_null() | (pl.col("@timestamp") > known))
    dated = arrivals.dated(
        named(events.drop("caller"), asked.geo, events["caller"]), objects, asked.checkpoint, asked.look_back
    )
    return Part(
        with_bits(dated.with_columns(KEY), "key").select(list(ARRIVED)).sort(_ALIKE, "log.offset"),
        parsed.rejected,
        left.select(list(LEFT)),
        parsed.bytes,
        parsed.passed_over + before,
    )


def in_this_process(source: Source, objects: Sequence[LogObject], asked: Asked) -> Iterator[tuple[int, Part]]:
    """Read one part after the other, here."""
    for part, held in _fetched(source, objects, asked):
        yield len(part), read_part(part, held, asked)


def in_processes(count: int) -> Reading:
    """Return a reading in so many processes beside this one, which fetches; in this one where little arrived."""

    def read(source: Source, objects: Sequence[LogObject], asked: Asked) -> Iterator[tuple[int, Part]]:
        if count < 2 or sum(each.size for each in objects) < WORTH_PROCESSES:  # noqa: PLR2004
            yield from in_this_process(source, objects, asked)
            return
        with Processes(count) as processes:
            waiting = []
            for part, held in _fetched(source, objects, asked):
                # No more is fetched than the processes will soon take.
                waiting.append((len(part), processes.submit(_read_packed, part, list(held), asked)))
                if len(waiting) > count:
                    size, future = waiting.pop(0)
                    yield size, future.result()
            for size, future in waiting:
                yield size, future.result()

    return read


def parts_of(objects: Sequence[LogObject], most_bytes: int | None = None) -> Iterator[list[LogObject]]:
    """Yield the objects in parts, bounded in bytes, as they are stored, and in number.

    Args:
        objects: which.
        most_bytes: of a part; PART_BYTES by default.
    """
    most = most_bytes or PART_BYTES
    part: list[LogObject] = []
    size = 0
    for each in objects:
        if part and (size + each.size > most or len(part) == PART_OBJECTS):
            yield part
            part, size = [], 0
        part.append(each)
        size += each.size
    if part:
        yield part


def _fetched(
    source: Source, objects: Sequence[LogObject], asked: Asked
) -> Iterator[tuple[list[LogObject], Iterator[Content]]]:
    """Each part with its contents, which are fetched in order, ahead of who takes them."""
    with closing(fetched(source, objects, asked.max_object_bytes)) as held:
        for part in parts_of(objects):
            yield part, islice(held, len(part))


def _read_packed(objects: Sequence[LogObject], held: Sequence[Content], asked: Asked) -> Part:
    return read_part(objects, held, asked).packed()

"""The few full records that an incident is about, read again from no other objects than those they lie in."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from prefect_cloudtrail.cloudtrail import LogObject, Source, contents, whole_records
from prefect_cloudtrail.cloudtrail.reasons import Reason
from prefect_cloudtrail.errors import SourceError
from prefect_cloudtrail.text import plain, redacted

MOST_OBJECTS = 200
# The index holds the ids of alerts' events only; of the others the place names each until its record is read.
NAMED = pl.coalesce("event.id", pl.format("{}#{}", "log.file.path", "log.offset")).alias("event.id")


@dataclass
class Reader:
    """Reads records as they are asked for, at most so many objects in all.

    Attributes:
        source: where the objects lie.
        most: how many objects may be read.
        found: the records so far, redacted, by event id.
        failed: the objects that could not be read, with why.
        left: the objects past the cap.
        missing: events whose record was not in its object.
        read_objects: those that were read.
        ids: the event id of each, by how it was named.
    """

    source: Source
    most: int = MOST_OBJECTS
    found: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    read_objects: set[str] = field(default_factory=set)
    ids: dict[str, str] = field(default_factory=dict)

    def named(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return NAMED rows with the event ids of those that were read."""
        return rows.with_columns(pl.col("event.id").replace(self.ids)) if self.ids else rows

    def read(self, rows: pl.DataFrame) -> None:
        """Read the records of these NAMED rows; the first rows' objects first, where not all may be read."""
        wanted = self._wanted(rows)
        keys = [key for key in wanted if key not in self.failed]
        known = [key for key in keys if key in self.read_objects]
        fresh = [key for key in keys if key not in self.read_objects]
        room = self.most - len(self.read_objects) - len(self.failed)
        self.left |= set(fresh[max(room, 0) :])
        self.left -= set(chosen := [*known, *fresh[: max(room, 0)]])
        for key, content in zip(chosen, contents(self.source, chosen), strict=True):
            self._add(key, content, wanted[key])

    @property
    def incomplete(self) -> str | None:
        """What could not be read, in sentences; None where nothing is missing."""
        said = []
        if self.failed:
            key, why = next(iter(sorted(self.failed.items())))
            said.append(f"{_objects(len(self.failed))} could not be read: {plain(key, 300)}: {why}.")
        if self.missing:
            said.append(f"{len(self.missing)} of its events were not found again in their objects.")
        if self.left:
            said.append(f"{_objects(len(self.left))} past the first {self.most} were not read.")
        return " ".join(said) or None

    def _wanted(self, rows: pl.DataFrame) -> Mapping[str, Mapping[int, str]]:
        wanted: dict[str, dict[int, str]] = defaultdict(dict)
        for event_id, key, place in rows.select("event.id", "log.file.path", "log.offset").iter_rows():
            if self.ids.get(event_id, event_id) not in self.found and event_id not in self.missing:
                wanted[key][place] = event_id
        return wanted

    def _add(self, key: str, content: bytes | Exception, places: Mapping[int, str]) -> None:
        if isinstance(content, Exception):
            self.failed[key] = plain(" ".join(str(content).split()), 200)
            return
        records = whole_records(key, content, places)
        if isinstance(records, Reason):
            self.failed[key] = records.value
            return
        self.read_objects.add(key)
        moved = set()
        for place, event_id in places.items():
            record = records.get(place)
            unnamed = event_id == f"{key}#{place}"
            # One without an id got one when it was read.
            own_id = None if record is None else str(record.get("eventID", event_id))
            if record is not None and own_id is not None and (unnamed or own_id == event_id):
                self.ids[event_id] = own_id
                self.found[own_id] = redacted(record)
            else:
                moved.add(event_id)
        if moved:
            self._look_for(moved, whole_records(key, content, None))

    def _look_for(self, moved: set[str], records: Mapping[int, Mapping[str, Any]] | Reason) -> None:
        """Find events wherever they are now: what LookupEvents answers grows by those that come late."""
        by_id = {} if isinstance(records, Reason) else {str(each.get("eventID")): each for each in records.values()}
        for event_id in moved:
            if event_id in by_id:
                self.found[event_id] = redacted(by_id[event_id])
            else:
                self.missing.add(event_id)


@dataclass(frozen=True)
class Unreadable:
    """A source of which nothing can be read, and why."""

    why: str

    def list(self, since: datetime | None = None) -> list[LogObject]:
        """Raise SourceError."""
        del since
        raise SourceError(self.why)

    def read(self, key: str) -> bytes:
        """Raise SourceError."""
        del key
        raise SourceError(self.why)


def oldest_first(records: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return the records by their time."""
    return tuple(sorted(records, key=lambda each: (str(each.get("eventTime")), str(each.get("eventID")))))


def _objects(number: int) -> str:
    return f"{number} object" if number == 1 else f"{number} objects"

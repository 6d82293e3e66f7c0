"""What one run brings, and its one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import msgspec
import polars as pl
import sqlalchemy as sa

from prefect_cloudtrail import schema
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.errors import CloudTrailResponseError, StateError
from prefect_cloudtrail.notices import Notice
from prefect_cloudtrail.silence import Deliveries
from prefect_cloudtrail.store import incidents
from prefect_cloudtrail.store.files import FileEntry, FileKind, kind_of, schema_of
from prefect_cloudtrail.store.notices import store_deliveries, store_notices
from prefect_cloudtrail.store.statements import Row, batches, insert, insert_or_ignore, insert_or_update
from prefect_cloudtrail.store.tables import FILES, OBJECTS, PLACES, REJECTED, RUNS, STATE, TELL
from prefect_cloudtrail.versions import VERSION

# Enough to see what is wrong; every one is counted in its run's summary.
REJECTED_KEPT = 10_000

# A row is one log object that was read, or could not be.
OBJECT: schema.Schema = {
    "log.file.path": pl.String,
    "size": pl.Int64,
    "delivered": schema.UTC_MICROSECONDS,  # null where its name does not say it
    "read_until": schema.UTC_MICROSECONDS,  # set where rows after it were left for a later run
    "events": pl.Int64,
    "duplicates": pl.Int64,
    "rejected": pl.Int64,
}

# Of these, what a run must know not to read an object twice.
LEDGER: schema.Schema = {name: OBJECT[name] for name in ("log.file.path", "size", "read_until")}

# How the frames' columns are called in SQL.
OBJECT_COLUMNS = {"log.file.path": "path"}
REJECTED_COLUMNS = {"log.file.path": "path", "log.offset": "record"}
PLACE_COLUMNS = {
    "source.geo.city_name": "city",
    "source.geo.country_iso_code": "country",
    "source.geo.location.lat": "latitude",
    "source.geo.location.lon": "longitude",
    "source.geo.accuracy_km": "accuracy_km",
}


@dataclass(frozen=True)
class Change:
    """Everything one run brings; it is stored whole, once per `run_id`, or not at all.

    `window` is the first and the last window's end. `tell` marks (incident, revision). `drop_files` are manifest names
    that `usual` or `replacements` stand for now, or that expired; `usual` takes the place of the usual counts so far.
    """

    run_id: str
    window: tuple[datetime, datetime]
    checkpoint: datetime
    objects: pl.DataFrame  # OBJECT
    rejected: pl.DataFrame  # REJECTED
    seen: pl.DataFrame  # SEEN
    presences: pl.DataFrame  # PRESENCES
    index: pl.DataFrame | pl.LazyFrame  # INDEX
    places: pl.DataFrame  # PLACES; a place that is known stays as it was
    incidents: Sequence[Incident]
    tell: Sequence[tuple[str, int]]
    summary: dict[str, Any]
    usual: pl.DataFrame | None = None  # USUAL
    usual_until: date | None = None
    drop_files: Sequence[str] = ()
    replacements: Sequence[pl.DataFrame] = ()  # each of a kind, by its columns
    deliveries: Sequence[Deliveries] = ()
    notices: Sequence[Notice] = ()

    def __post_init__(self) -> None:
        if (self.usual is None) != (self.usual_until is None):
            raise CloudTrailResponseError("usual counts and the day they reach to come together")


def checked(change: Change) -> Change:
    """Return the change with its frames' columns in the order of their schemas.

    Raises:
        CloudTrailResponseError: a frame is not of its schema.
    """
    usual = change.usual
    return replace(
        change,
        objects=schema.check(change.objects, OBJECT, "OBJECT"),
        rejected=schema.check(change.rejected, schema.REJECTED, "REJECTED"),
        seen=schema.check(change.seen, schema.SEEN, "SEEN"),
        places=schema.check(change.places, schema.PLACES, "PLACES"),
        presences=schema.check(change.presences, schema.PRESENCES, "PRESENCES"),
        index=schema.check(change.index, schema.INDEX, "INDEX"),
        usual=None if usual is None else schema.check(usual, schema.USUAL, "USUAL"),
        replacements=[schema.check(frame, *_kept_as(frame)) for frame in change.replacements],
    )


def new_files(change: Change) -> list[tuple[FileKind, pl.DataFrame | pl.LazyFrame]]:
    """Return the frames that become files, each with its kind; an empty one becomes none."""
    frames: list[tuple[FileKind, pl.DataFrame | pl.LazyFrame | None]] = [
        ("presences", change.presences),
        ("index", change.index),
        ("seen", change.seen),
        ("usual", change.usual),
        *((kind_of(frame), frame) for frame in change.replacements),
    ]
    return [(kind, frame) for kind, frame in frames if frame is not None and _has_rows(frame)]


def _has_rows(frame: pl.DataFrame | pl.LazyFrame) -> bool:
    return not frame.lazy().limit(1).collect().is_empty()


def _kept_as(frame: pl.DataFrame) -> tuple[schema.Schema, str]:
    kind = kind_of(frame)
    return schema_of(kind), kind.upper()


def is_stored(connection: sa.Connection, run_id: str) -> bool:
    """Return whether this run is committed."""
    return connection.scalar(sa.select(RUNS.c.number).where(RUNS.c.run_id == run_id)) is not None


def store(connection: sa.Connection, change: Change, written: Sequence[FileEntry]) -> list[str] | None:
    """Store the change and name its files.

    Returns:
        The names of the files that it drops, to be deleted once this is committed; None where the run was stored
        before, and nothing was done.
    """
    if not _log_run(connection, change):
        return None
    names = set(change.drop_files)
    if change.usual is not None:
        names |= set(connection.scalars(sa.select(FILES.c.name).where(FILES.c.kind == "usual")))
    dropped = drop_files(connection, names, f"run {change.run_id}")
    if written:
        connection.execute(sa.insert(FILES), [file_row(entry) for entry in written])
    insert_or_update(
        connection,
        OBJECTS,
        rows(change.objects, OBJECT_COLUMNS),
        tuple(name for name in OBJECT if name not in OBJECT_COLUMNS),
    )
    _store_rejected(connection, change.rejected)
    insert_or_ignore(connection, PLACES, rows(change.places, PLACE_COLUMNS))
    incidents.write(connection, change.incidents, change.run_id)
    insert_or_ignore(
        connection,
        TELL,
        [
            {"incident_id": incident_id, "revision": revision, "marked_at": change.window[1]}
            for incident_id, revision in change.tell
        ],
    )
    store_deliveries(connection, change.deliveries)
    store_notices(connection, change.notices)
    progress: Row = {"checkpoint": change.checkpoint}
    if change.usual_until is not None:
        progress["usual_until"] = change.usual_until
    connection.execute(sa.update(STATE).values(progress))
    return dropped


def _log_run(connection: sa.Connection, change: Change) -> bool:
    number = connection.scalar(
        insert(connection, RUNS)
        .values(
            run_id=change.run_id,
            first_window=change.window[0],
            last_window=change.window[1],
            checkpoint=change.checkpoint,
            summary=msgspec.json.encode(change.summary | {"version": VERSION}).decode(),
        )
        .on_conflict_do_nothing(index_elements=[RUNS.c.run_id])
        .returning(RUNS.c.number)
    )
    return number is not None


def drop_files(connection: sa.Connection, names: Iterable[str], who: str) -> list[str]:
    """Take the files' names off the manifest and return them.

    Raises:
        StateError: one is not there.
    """
    asked = set(names)
    dropped: list[str] = []
    for batch in batches(sorted(asked)):
        gone = connection.scalars(sa.delete(FILES).where(FILES.c.name.in_(batch)).returning(FILES.c.name))
        dropped.extend(gone)
    if unknown := asked - set(dropped):
        raise StateError(f"{who} drops {min(unknown)}, which the case store does not name")
    return dropped


def _store_rejected(connection: sa.Connection, rejected: pl.DataFrame) -> None:
    if rejected.is_empty():
        return
    connection.execute(sa.insert(REJECTED), rows(rejected.tail(REJECTED_KEPT), REJECTED_COLUMNS))
    newest = sa.select(REJECTED.c.number).order_by(REJECTED.c.number.desc()).limit(1).offset(REJECTED_KEPT)
    connection.execute(sa.delete(REJECTED).where(REJECTED.c.number <= newest.scalar_subquery()))


def file_row(entry: FileEntry) -> Row:
    """Return the manifest's row of a file."""
    return {column.name: getattr(entry, column.name) for column in FILES.columns}


def rows(frame: pl.DataFrame, columns: dict[str, str]) -> list[Row]:
    """Return the frame's rows with their columns as SQL calls them."""
    return frame.rename(columns).to_dicts()

"""The case store: what one state folder and its database hold."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import polars as pl
import sqlalchemy as sa

from prefect_cloudtrail import schema
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store import change as changes
from prefect_cloudtrail.store import files, incidents, leases, outbox
from prefect_cloudtrail.store.change import Change
from prefect_cloudtrail.store.database import (
    FILE_NAME,
    Database,
    Kind,
    connect,
    existing_kind,
    prepare,
    require_writable,
)
from prefect_cloudtrail.store.files import FileEntry, FileKind
from prefect_cloudtrail.store.leases import Lease
from prefect_cloudtrail.store.outbox import OutboxRow
from prefect_cloudtrail.store.statements import batches
from prefect_cloudtrail.store.tables import EVENT_KEYS, FILES, INCIDENTS, OBJECTS, PLACES, REJECTED, RUNS, STATE


class Store:
    """One state: the Parquet files of its folder, and the database that names them and holds the cases.

    Open it with `Store.open`, or `Store.read_only`; close it, or use it as a context manager.
    """

    def __init__(self, state: Path, database: Database, kind: Kind) -> None:
        """Take over an open database; `open` and `read_only` prepare it."""
        self.state = state
        self.kind: Kind = kind
        self._database = database

    @classmethod
    def open(cls, state: Path, database: str | None = None, *, kind: Kind = "live") -> Self:
        """Return the state of this folder, made where there is none and migrated where it is older.

        Args:
            state: folder of the files, and of the database where no other is given.
            database: SQLAlchemy URL of the case store.
            kind: what the state is for; a backtest never touches a live one.

        Raises:
            NewerStateError: a newer version wrote it; nothing was changed.
            StateError: not writable, not a database, or of the other kind.
        """
        _make_folders(state)
        opened = connect(_target(state, database))
        with _closed_on_error(opened):
            prepare(opened, kind, has_files=bool(files.found(state)))
        return cls(state, opened, kind)

    @classmethod
    def read_only(cls, state: Path, database: str | None = None) -> Self:
        """Return the existing state of this folder, of either kind; writing to it fails.

        Raises:
            NewerStateError: a newer version wrote it.
            StateError: there is none, or it is older than this program and must be migrated first.
        """
        opened = connect(_target(state, database), read_only=True)
        with _closed_on_error(opened):
            kind = None if opened.is_missing() else existing_kind(opened)
            if kind is None:
                raise StateError(f"no state in {state if database is None else opened.where}: run detect first")
        return cls(state, opened, kind)

    def close(self) -> None:
        """Close the database's connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Who works

    @contextmanager
    def lease(self, name: str, owner: str, minutes: float, now: datetime) -> Iterator[Lease]:
        """Give the lease that `commit` asks for, and take it back at the end.

        Raises:
            LeaseHeldError: another has it and its time is not up.
        """
        held = leases.take(self._database, name, owner, minutes, now)
        try:
            yield held
        finally:
            leases.release(held)

    def commit(self, change: Change, lease: Lease) -> None:
        """Store everything one run brings in one transaction, its files first; a run that is stored is left alone.

        Raises:
            LeaseHeldError: the lease ran out and another took it; nothing was stored.
            StateError: the change cannot be stored; nothing was.
        """
        change = changes.checked(change)
        with self._database.reading() as connection:
            leases.require(connection, lease, lock=False)
            if changes.is_stored(connection, change.run_id):
                return
        written = [files.write(self.state, kind, frame) for kind, frame in changes.new_files(change)]
        with self._database.writing() as connection:
            leases.require(connection, lease)
            dropped = changes.store(connection, change, written)
        # Only now: until the commit, the files of before are the state.
        files.remove(self.state, [entry.name for entry in written] if dropped is None else dropped)

    def sweep(self, age: timedelta = timedelta(0)) -> list[str]:
        """Delete the files that the manifest does not name and return their names.

        Args:
            age: spare those written less than this ago; without the lease, longer than any commit takes.
        """
        # Listed before the manifest is read: what is committed in between is then seen as named.
        present = files.found(self.state)
        with self._database.reading() as connection:
            named = set(connection.scalars(sa.select(FILES.c.name)))
        unnamed = files.older_than(self.state, [name for name in present if name not in named], age)
        files.remove(self.state, unnamed)
        return unnamed

    # What a run reads

    def checkpoint(self) -> datetime | None:
        """Return how far the last run came; None before the first."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(STATE.c.checkpoint))

    def usual_until(self) -> date | None:
        """Return the last day that the usual counts hold; None while there are none."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(STATE.c.usual_until))

    def ledger(self) -> pl.DataFrame:
        """Return the log objects that were read: LEDGER, in the order of their paths."""
        query = sa.select(OBJECTS.c.path, OBJECTS.c.size, OBJECTS.c.read_until).order_by(OBJECTS.c.path)
        return self._frame(query, changes.LEDGER)

    def event_keys(self) -> pl.DataFrame:
        """Return the events inside the look-back: EVENT_KEY, oldest first."""
        query = sa.select(EVENT_KEYS.c.key, EVENT_KEYS.c.at).order_by(EVENT_KEYS.c.at, EVENT_KEYS.c.key)
        return self._frame(query, changes.EVENT_KEY)

    def places(self) -> pl.DataFrame:
        """Return where places lie, as first seen: PLACES, by name."""
        return self._frame(sa.select(PLACES).order_by(PLACES.c.place), schema.PLACES)

    def rejected(self) -> pl.DataFrame:
        """Return the newest of what could not be read: REJECTED, oldest first, at most 10,000 rows."""
        query = sa.select(REJECTED.c.path, REJECTED.c.record, REJECTED.c.reason, REJECTED.c.sample)
        return self._frame(query.order_by(REJECTED.c.number), schema.REJECTED)

    def scan(self, kind: FileKind, since: datetime | None = None) -> pl.LazyFrame:
        """Return the rows of the files that reach `since`, or of all; a file's older rows come along.

        Raises:
            StateError: a file that the manifest names is missing or cut short.
        """
        entries = self.files(kind)
        if since is not None:
            entries = [entry for entry in entries if entry.last is None or entry.last >= since]
        return files.scan(self.state, kind, entries)

    def files(self, kind: FileKind) -> list[FileEntry]:
        """Return the files of a kind that the manifest names, oldest rows first."""
        query = sa.select(FILES).where(FILES.c.kind == kind).order_by(FILES.c.first, FILES.c.name)
        with self._database.reading() as connection:
            return [FileEntry(**row) for row in connection.execute(query).mappings()]

    # Incidents, and what people must hear of

    def incidents(self, *, open_at: datetime | None = None, ids: Sequence[str] | None = None) -> list[Incident]:
        """Return the incidents with their alerts, the first opened first.

        Args:
            open_at: only those that take alerts after this moment.
            ids: only these; one that is unknown is left out.
        """
        conditions = [] if open_at is None else [INCIDENTS.c.closes_at > open_at]
        with self._database.reading() as connection:
            if ids is None:
                return incidents.read(connection, conditions)
            found = [
                incident
                for batch in batches(list(dict.fromkeys(ids)))
                for incident in incidents.read(connection, [*conditions, INCIDENTS.c.incident_id.in_(batch)])
            ]
        return sorted(found, key=lambda incident: (incident.opened_at, incident.incident_id))

    def revisions(self, incident_id: str) -> list[Incident]:
        """Return what the incident was at each revision, the first one first, without alerts."""
        with self._database.reading() as connection:
            return incidents.revisions(connection, incident_id)

    def to_tell(self) -> list[tuple[str, int]]:
        """Return the (incident, revision) that are marked to tell and not started, in the order of marking."""
        with self._database.reading() as connection:
            return outbox.to_tell(connection)

    def mark_told_started(self, incident_id: str, revision: int, now: datetime) -> bool:
        """Return whether this call is the one that started telling; another was first, or nothing is marked."""
        with self._database.writing() as connection:
            return outbox.start_telling(connection, incident_id, revision, now)

    def outbox_write(self, incident_id: str, revision: int, channel: str, body: str, now: datetime) -> str:
        """Return the message's id, stored before it is shown; written again, the same id and the first body."""
        with self._database.writing() as connection:
            return outbox.write(connection, incident_id, revision, channel, body, now=now)

    def outbox_pending(self, incident_id: str | None = None) -> list[OutboxRow]:
        """Return the messages that were written and not confirmed, oldest first."""
        with self._database.reading() as connection:
            return outbox.pending(connection, incident_id)

    def outbox_confirm(self, outbox_id: str, now: datetime) -> None:
        """Record that the message was shown; the first confirmation stays.

        Raises:
            StateError: there is no such message.
        """
        with self._database.writing() as connection:
            outbox.confirm(connection, outbox_id, now)

    def runs(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the run log, newest first: `run_id`, `window`, `checkpoint`, and the `summary` read from JSON."""
        query = sa.select(RUNS).order_by(RUNS.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            {
                "run_id": row.run_id,
                "window": (row.first_window, row.last_window),
                "checkpoint": row.checkpoint,
                "summary": msgspec.json.decode(row.summary),
            }
            for row in rows
        ]

    def _frame(self, query: sa.Select[Any], names: schema.Schema) -> pl.DataFrame:
        with self._database.reading() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        return pl.DataFrame(rows, schema=names, orient="row")


@contextmanager
def _closed_on_error(database: Database) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        raise


def _target(state: Path, database: str | None) -> Path | str:
    return state / FILE_NAME if database is None else database


def _make_folders(state: Path) -> None:
    """Make the state's folders, on the disk, and make sure that they can be written."""
    folders = [state, *(state / kind for kind in files.KINDS)]
    try:
        new = [folder for folder in folders if not folder.is_dir()]
        for folder in new:
            folder.mkdir(parents=True, exist_ok=True)
        for parent in {folder.parent for folder in new}:
            files.sync_folder(parent)
    except OSError as error:
        raise StateError(f"cannot make the state folder {state}: {error}; give another folder as --state") from error
    for path in [*folders, state / FILE_NAME]:
        if path.exists():
            require_writable(path)

"""The case store: what one state, its files and its database, holds."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import polars as pl
import sqlalchemy as sa

from prefect_cloudtrail import schema
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.errors import FeedbackError, StateError
from prefect_cloudtrail.feedback import Answer, End, Entry, Feedback, PlannedWork, SomeEntry, Verdict, verdict
from prefect_cloudtrail.notices import Notice
from prefect_cloudtrail.store import backup, feedback, files, incidents, leases, outbox, replacement
from prefect_cloudtrail.store import change as changes
from prefect_cloudtrail.store.backup import Backup
from prefect_cloudtrail.store.change import Change
from prefect_cloudtrail.store.database import (
    FILE_NAME,
    Database,
    Kind,
    connect,
    existing_kind,
    prepare,
)
from prefect_cloudtrail.store.files import FileEntry, FileHome, FileKind
from prefect_cloudtrail.store.folder import FolderHome, require_writable
from prefect_cloudtrail.store.leases import Lease
from prefect_cloudtrail.store.notices import Notices, store_end, store_notices
from prefect_cloudtrail.store.outbox import OutboxRow
from prefect_cloudtrail.store.replacement import Replacement
from prefect_cloudtrail.store.responses import Responses
from prefect_cloudtrail.store.slack import SlackMessages
from prefect_cloudtrail.store.stamps import stamps
from prefect_cloudtrail.store.statements import batches
from prefect_cloudtrail.store.tables import FILES, HEAD, INCIDENTS, OBJECTS, PLACES, REJECTED, RUNS, STATE


class Store:
    """One state: the Parquet files of its home, and the database that names them and holds the cases.

    Open it with `Store.open`, or `Store.read_only`; close it, or use it as a context manager.
    """

    def __init__(self, home: FileHome, database: Database, kind: Kind) -> None:
        """Take over an open database; `open` and `read_only` prepare it."""
        self.home = home
        self.kind: Kind = kind
        self.responses = Responses(database)
        self.slack = SlackMessages(database)
        self.notices = Notices(database)
        self._database = database

    @classmethod
    def open(cls, state: Path | FileHome, database: str | None = None, *, kind: Kind = "live") -> Self:
        """Return the state whose files lie here, made where there is none and migrated where it is older.

        Args:
            state: where the files lie: a folder, which holds the database too where no other is given, or a bucket.
            database: URL of the case store, `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.
            kind: what the state is for; a backtest never touches a live one.

        Raises:
            NewerStateError: a newer version wrote it; nothing was changed.
            StateError: not writable, not a database, of the other kind, or files in a bucket beside SQLite.
        """
        home = _home(state)
        target = _target(home, database)
        home.prepare()
        if isinstance(target, Path) and target.exists():
            require_writable(target)
        opened = connect(target)
        with _closed_on_error(opened, home):
            prepare(opened, kind, home)
            opened.write_only_at(HEAD)
        return cls(home, opened, kind)

    @classmethod
    def read_only(cls, state: Path | FileHome, database: str | None = None) -> Self:
        """Return the existing state whose files lie here, of either kind; writing to it fails.

        Raises:
            NewerStateError: a newer version wrote it.
            StateError: there is none, or it is older than this program and must be migrated first.
        """
        home = _home(state)
        opened = connect(_target(home, database), read_only=True)
        with _closed_on_error(opened, home):
            kind = None if opened.is_missing() else existing_kind(opened)
            if kind is None:
                raise StateError(f"no state in {home.where if database is None else opened.where}: run detect first")
        return cls(home, opened, kind)

    @classmethod
    def restore(cls, folder: Path, state: Path | FileHome, database: str | None, now: datetime) -> Backup:
        """Return the backup in a folder, from which the state was made again whose files lie here; there was none.

        Raises:
            NewerStateError: a newer version made the backup.
            StateError: it is not whole, or there is a state already; nothing of that was changed.
        """
        found = backup.read(folder)
        home = _home(state)
        target = _target(home, database)
        home.prepare()
        opened = connect(target)
        try:
            backup.restore(folder, found, opened, home, now)
        finally:
            opened.close()
            home.close()
        return found

    def close(self) -> None:
        """Close the database's connections, and let go of copies."""
        self._database.close()
        self.home.close()

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
        except BaseException as failure:
            try:
                leases.release(held)
            except StateError as error:
                # What failed first is what to mend; the lease runs out by itself.
                failure.add_note(f"and the lease could not be given back: {error}")
            raise
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
        written = [files.write(self.home, kind, frame) for kind, frame in changes.new_files(change)]
        with self._database.writing() as connection:
            leases.require(connection, lease)
            dropped = changes.store(connection, change, written)
        # Only now: until the commit, the files of before are the state.
        self.home.remove([entry.name for entry in written] if dropped is None else dropped)

    def end_run(
        self, notices: Sequence[Notice], ended_at: datetime, lease: Lease, *, given_up: Collection[str] = ()
    ) -> None:
        """Store that a run did all it does, and what it must tell beside incidents.

        Args:
            notices: what it must tell.
            ended_at: when it ended.
            lease: its own.
            given_up: objects of which rows were left to a later run, and which are there no longer.

        Raises:
            LeaseHeldError: the lease ran out and another took it; nothing was stored.
        """
        with self._database.writing() as connection:
            leases.require(connection, lease)
            store_notices(connection, notices)
            store_end(connection, ended_at)
            for batch in batches(sorted(given_up)):
                connection.execute(sa.update(OBJECTS).where(OBJECTS.c.path.in_(batch)).values(read_until=None))

    def write_ahead(self, kind: FileKind, frame: pl.DataFrame) -> FileEntry:
        """Return the entry of a new file with the frame's rows; until a `replace` names it, the next sweep takes it.

        Raises:
            StateError: the file cannot be written.
        """
        return files.write(self.home, kind, schema.check(frame, files.schema_of(kind), kind.upper()))

    def replace(self, placed_anew: Replacement, lease: Lease) -> None:
        """Store in one transaction that history is placed by other geo databases.

        Raises:
            LeaseHeldError: the lease ran out and another took it; nothing was stored.
            StateError: it cannot be stored; nothing was.
        """
        with self._database.writing() as connection:
            leases.require(connection, lease)
            dropped = replacement.store(connection, placed_anew)
        self.home.remove(dropped)

    def sweep(self, age: timedelta = timedelta(0)) -> list[str]:
        """Delete the files that the manifest does not name and return their names.

        Args:
            age: spare those written less than this ago; without the lease, longer than any commit takes.

        Raises:
            StateError: not one of the files that are named is there, so these are another state's.
        """
        # Listed before the manifest is read: what is committed in between is then seen as named.
        present = self.home.found()
        with self._database.reading() as connection:
            named = set(connection.scalars(sa.select(FILES.c.name)))
        if present and named and named.isdisjoint(present):
            raise StateError(
                f"{self.home.where} holds other files than {self._database.where} names: "
                "give the --state and the --database that belong together"
            )
        newest = datetime.now(UTC) - age
        unnamed = sorted(name for name in present.keys() - named if not age or present[name] <= newest)
        self.home.remove(unnamed)
        return unnamed

    def back_up(self, folder: Path, now: datetime) -> Backup:
        """Return the backup of this state that was written to a new folder; runs may go on meanwhile.

        Raises:
            StateError: the folder holds something, or cannot be written, or a file of the state is missing.
        """
        return backup.write(self._database, self.home, folder, now)

    # What a run reads

    def checkpoint(self) -> datetime | None:
        """Return how far the last run came; None before the first."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(STATE.c.checkpoint))

    def usual_until(self) -> date | None:
        """Return the last day that the usual counts hold; None while there are none."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(STATE.c.usual_until))

    def geo_build(self) -> str | None:
        """Return which geo databases history is placed by; None where that was not recorded."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(STATE.c.geo_build))

    def ledger(self, delivered_since: datetime | None = None) -> pl.DataFrame:
        """Return the log objects that were read: LEDGER, in the order of their paths.

        Args:
            delivered_since: only those delivered then or later, and those of which it is not known.
        """
        query = sa.select(OBJECTS.c.path, OBJECTS.c.size, OBJECTS.c.read_until).order_by(OBJECTS.c.path)
        if delivered_since is not None:
            query = query.where(sa.or_(OBJECTS.c.delivered >= delivered_since, OBJECTS.c.delivered.is_(None)))
        return self._frame(query, changes.LEDGER)

    def delivered_since(self, since: datetime) -> pl.DataFrame:
        """Return what the ledger knows of the objects delivered then or later: OBJECT, by path."""
        query = sa.select(OBJECTS).where(OBJECTS.c.delivered >= since).order_by(OBJECTS.c.path)
        return self._frame(query, changes.OBJECT)

    def left_since(self) -> datetime | None:
        """Return when the oldest object was delivered of which a run left rows to a later one; None without any."""
        oldest = sa.select(sa.func.min(OBJECTS.c.delivered)).where(OBJECTS.c.read_until.is_not(None))
        with self._database.reading() as connection:
            found: datetime | None = connection.scalar(oldest)
        return found

    def left(self) -> pl.DataFrame:
        """Return the objects of which a run left rows to a later one: OBJECT, by path."""
        query = sa.select(OBJECTS).where(OBJECTS.c.read_until.is_not(None)).order_by(OBJECTS.c.path)
        return self._frame(query, changes.OBJECT)

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
        entries = self._reaching(kind, since)
        try:
            return files.scan(self.home, kind, entries)
        except StateError:
            # Another's commit may have merged or replaced them since they were named, and then deleted them.
            if self._reaching(kind, since) == entries:
                raise
        return self.scan(kind, since)

    def rows(self, entries: Sequence[FileEntry]) -> pl.DataFrame:
        """Return the rows of these files of one kind, at least one, in their order.

        Raises:
            StateError: a file is missing or cut short.
        """
        return files.scan(self.home, entries[0].kind, entries).collect()

    def files(self, kind: FileKind) -> list[FileEntry]:
        """Return the files of a kind that the manifest names, oldest rows first."""
        query = sa.select(FILES).where(FILES.c.kind == kind).order_by(FILES.c.first, FILES.c.name)
        with self._database.reading() as connection:
            return [FileEntry(**row) for row in connection.execute(query).mappings()]

    def _reaching(self, kind: FileKind, since: datetime | None) -> list[FileEntry]:
        return [entry for entry in self.files(kind) if since is None or entry.last is None or entry.last >= since]

    # Incidents, and what people must hear of

    def incidents(self, *, open_at: datetime | None = None, ids: Sequence[str] | None = None) -> list[Incident]:
        """Return the incidents with their alerts, the first opened first.

        Args:
            open_at: only those that take alerts after this moment.
            ids: only these; one that is unknown is left out.
        """
        conditions = [] if open_at is None else [INCIDENTS.c.closes_at > open_at]
        with self._database.reading() as connection:
            said = feedback.read(connection)
            if ids is None:
                return said.stated(incidents.read(connection, conditions))
            found = [
                incident
                for batch in batches(list(dict.fromkeys(ids)))
                for incident in incidents.read(connection, [*conditions, INCIDENTS.c.incident_id.in_(batch)])
            ]
        return said.stated(sorted(found, key=lambda incident: (incident.opened_at, incident.incident_id)))

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

    def stamps(self, incident_id: str) -> dict[str, datetime | None]:
        """Return when people were first told of an incident, decided, applied and contained it; None where not yet."""
        with self._database.reading() as connection:
            return stamps(connection, incident_id)

    def identity(self) -> str | None:
        """Return what tells this state from one made anew in its place, or elsewhere: its first run; None before it."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(RUNS.c.run_id).order_by(RUNS.c.number).limit(1))

    # What people said

    def feedback(self) -> Feedback:
        """Return all that was entered, in the order in which it took effect."""
        with self._database.reading() as connection:
            return feedback.read(connection)

    def add_verdict(self, incident_id: str, answer: Answer, *, by: str, why: str, at: datetime) -> Verdict:
        """Return the verdict on an incident, stored; it counts from `at`, or after what runs have judged.

        Raises:
            FeedbackError: there is no such incident, no reason, or it is about the one who judges.
        """
        with self._database.writing() as connection:
            found = incidents.read(connection, [INCIDENTS.c.incident_id == incident_id])
            if not found:
                raise FeedbackError(f"no incident {incident_id} here; `prefect-cloudtrail incidents` lists them")
            said = verdict(found[0], answer, by=by, why=why, effective_at=feedback.effective(connection, at))
            feedback.add_verdict(connection, said)
        return said

    def add_entries(self, entered: Callable[[datetime], Sequence[SomeEntry]], at: datetime) -> list[SomeEntry]:
        """Return the entries, stored all together or none; those that count already are left out.

        Args:
            entered: makes them, given the moment from which they count.
            at: that moment; after what runs have judged, where they have judged more.

        Raises:
            FeedbackError: one of them may not be recorded.
        """
        with self._database.writing() as connection:
            there = {_what(each) for each in feedback.read(connection).entries if each.end is None}
            added = [each for each in entered(feedback.effective(connection, at)) if _what(each) not in there]
            for each in added:
                feedback.add_entry(connection, each)
        return added

    def end_entry(self, entry_id: str, *, by: str, why: str, at: datetime) -> Entry:
        """Return the entry as it ends: at `at`, or after what runs have judged; what it did until then stays.

        Raises:
            FeedbackError: there is no such entry, or it was ended before.
        """
        with self._database.writing() as connection:
            feedback.end_entry(connection, entry_id, End(by, why, feedback.effective(connection, at)))
            return next(each for each in feedback.read(connection).entries if each.entry_id == entry_id)

    def take_over(self, entered: Feedback) -> None:
        """Store what was entered in another state, before this one's first run.

        Raises:
            FeedbackError: a run was here before.
        """
        with self._database.writing() as connection:
            feedback.take_over(connection, entered)

    # What was done

    def runs(self, limit: int = 100) -> list[dict[str, Any]]:
        """Return the run log, newest first: `run_id`, `window`, `checkpoint`, `version`, the `summary` from JSON."""
        query = sa.select(RUNS).order_by(RUNS.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [
            {
                "run_id": row.run_id,
                "window": (row.first_window, row.last_window),
                "checkpoint": row.checkpoint,
                "version": summary.pop("version", None),  # none of runs before versions were kept
                "summary": summary,
            }
            for row in rows
            for summary in [msgspec.json.decode(row.summary)]
        ]

    def _frame(self, query: sa.Select[Any], names: schema.Schema) -> pl.DataFrame:
        with self._database.reading() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        return pl.DataFrame(rows, schema=names, orient="row")


def _what(entered: Entry) -> tuple[object, ...]:
    """What an entry says, whoever entered it, and when."""
    who = entered.who if isinstance(entered, PlannedWork) else ""
    return entered.kind, entered.scope, entered.since, entered.until, who


@contextmanager
def _closed_on_error(database: Database, home: FileHome) -> Iterator[None]:
    try:
        yield
    except BaseException:
        database.close()
        home.close()
        raise


def _home(state: Path | FileHome) -> FileHome:
    return FolderHome(state) if isinstance(state, Path) else state


def _target(home: FileHome, database: str | None) -> Path | str:
    """Where the case store is.

    Raises:
        StateError: on one machine's disk, while the files are where every machine finds them.
    """
    if isinstance(home, FolderHome):
        return home.folder / FILE_NAME if database is None else database
    if database is None or database.startswith("sqlite"):
        raise StateError(
            f"files in {home.where} need a case store in PostgreSQL: give postgresql://USER@HOST/NAME as --database"
        )
    return database

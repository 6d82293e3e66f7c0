"""Opening the case store's database: its engine, its transactions, its migrations."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import polars as pl
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry

from prefect_cloudtrail.errors import NewerStateError, StateError
from prefect_cloudtrail.schema import SEEN, UTC_MICROSECONDS, Schema
from prefect_cloudtrail.seen import with_bits
from prefect_cloudtrail.store import files, postgresql
from prefect_cloudtrail.store.files import FileHome
from prefect_cloudtrail.store.statements import Row
from prefect_cloudtrail.store.tables import HEAD, STATE

if TYPE_CHECKING:
    from alembic.config import Config

Kind = Literal["live", "backtest"]

FILE_NAME = "cases.db"
DRIVERS = ("", "pysqlite", "psycopg")
URLS = "sqlite:///FILE or postgresql://USER@HOST/NAME"
# Longer than the largest commit takes, shorter than a scheduler's patience.
BUSY_SECONDS = 30
# Any number, the same in every version: who migrates a PostgreSQL database waits for it.
MIGRATION_LOCK = 4_611_871


class Database:
    """The case store's SQL side; what the database itself complains of comes out as a StateError."""

    def __init__(self, engine: sa.Engine, where: str) -> None:
        """Take the engine over; `where` is the database as messages call it, of SQLite its file."""
        self.where = where
        self._engine = engine
        self._only_at: str | None = None
        self._writer = engine.execution_options(writes=True)
        # Several statements of one read see one state; SQLite's transactions do that anyway.
        snapshot = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
        self._reader = engine.execution_options(**snapshot)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a transaction that sees one state of the database."""
        with self._speaking(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give the one writing transaction: all of it at the end, or on an error nothing.

        Raises:
            NewerStateError: a newer version migrated the tables since they were opened.
        """
        with self._speaking(), self._writer.begin() as connection:
            if self._only_at is not None:
                _require_still(connection, self._only_at, self.where)
            yield connection

    def write_only_at(self, revision: str) -> None:
        """Refuse from now on to write to tables of another revision: a process may outlive an update."""
        self._only_at = revision

    def is_missing(self) -> bool:
        """Return whether it is a file that is not there; to open it would make it."""
        return self._engine.dialect.name == "sqlite" and not Path(self.where).is_file()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise StateError(_explain(error, self.where)) from error


def connect(url: str | Path, *, read_only: bool = False) -> Database:
    """Return the database at a URL, or the SQLite database at a path; nothing is opened yet.

    Raises:
        StateError: the URL is none, or names a database that this program cannot speak to.
    """
    try:
        target = sa.URL.create("sqlite", database=str(url)) if isinstance(url, Path) else make_url(url)
        # A URL that cannot be read may still hold a password, so neither it nor the complaint is repeated.
    except (ArgumentError, ValueError):
        raise StateError(f"the database URL cannot be read: give {URLS}") from None
    name, _, driver = target.drivername.partition("+")
    if driver not in DRIVERS:
        raise StateError(f"no driver for {target.drivername}://: give {URLS}")
    if name in postgresql.NAMES:
        return _connect_postgresql(target, read_only=read_only)
    if name != "sqlite":
        raise StateError(f"{postgresql.without_secrets(target)} is neither SQLite nor PostgreSQL: give {URLS}")
    if target.database in {None, "", ":memory:"}:
        raise StateError("a database in memory forgets what the files are: give sqlite:///FILE")
    engine = sa.create_engine(target, connect_args={"timeout": BUSY_SECONDS})
    _tune_sqlite(engine, read_only=read_only)
    return Database(engine, str(target.database))


def _connect_postgresql(url: sa.URL, *, read_only: bool) -> Database:
    where = postgresql.without_secrets(url)
    try:
        # A server that was restarted since the last transaction is no error; the ping finds out and connects anew.
        engine = sa.create_engine(
            url.set(drivername=postgresql.DRIVER),
            connect_args=postgresql.arguments(url),
            pool_pre_ping=True,
            pool_timeout=30,
        )
    except ImportError as error:
        raise StateError(
            f"no driver for {where}: {error}; install prefect-cloudtrail[postgres], or use SQLite"
        ) from error
    postgresql.tune(engine)
    return Database(engine.execution_options(postgresql_readonly=True) if read_only else engine, where)


def prepare(database: Database, kind: Kind, home: FileHome) -> None:
    """Bring the database to this program's tables and this kind, or refuse it unchanged.

    Args:
        database: as `connect` returns it.
        kind: what the state is for.
        home: where the files lie; a database without tables cannot have named any that are there.

    Raises:
        NewerStateError: it was written by a newer version.
        StateError: it is of the other kind, of another program, or not a database.
    """
    with database.reading() as connection:
        revision = stored_revision(connection, database.where)
        if revision is not None and revision != HEAD:
            require_known(revision, database.where)
        if revision is not None:
            _require_kind(connection, kind, database.where)
    if revision == HEAD:
        return
    with database.writing() as connection:
        alone(connection)
        # Again, now that nobody else can: two may have found it missing at once.
        revision = stored_revision(connection, database.where)
        if revision is None and home.found():
            raise StateError(
                f"{database.where} is empty, but its state folder holds files that another database names: "
                "give that one as --database, or a new folder as --state"
            )
        if revision is None and connection.dialect.name == "postgresql":
            postgresql.require_unicode(connection, database.where)
        if revision != HEAD:
            upgrade(connection, home, HEAD)
        if revision is None:
            connection.execute(sa.insert(STATE).values(number=1, kind=kind))
        _require_kind(connection, kind, database.where)


def existing_kind(database: Database) -> Kind | None:
    """Return what an existing state is for; None where the database holds no table yet.

    Raises:
        NewerStateError: it was written by a newer version.
        StateError: it is older than this program, of another program, or not a database.
    """
    with database.reading() as connection:
        revision = stored_revision(connection, database.where)
        if revision is None:
            return None
        if revision != HEAD:
            require_known(revision, database.where)
            raise StateError(f"{database.where} was written by an older version: run detect once to migrate it")
        return cast("Kind", connection.scalar(sa.select(STATE.c.kind)))


def stored_revision(connection: sa.Connection, where: str) -> str | None:
    """Return the revision the database is at; None where it holds no table yet.

    Raises:
        StateError: it holds tables of something else.
    """
    names = set(sa.inspect(connection).get_table_names())
    if not names:
        return None
    if not {"alembic_version", "state", "files"} <= names:
        raise StateError(f"{where} is another program's database: give one of its own as --state or --database")
    return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))


def migrations() -> "Config":
    """Return Alembic's configuration, found inside the package wherever it is installed."""
    from alembic.config import Config  # noqa: PLC0415  # costs more than opening a state that needs none of it

    config = Config()
    config.set_main_option("script_location", "prefect_cloudtrail.store:migrations")
    config.set_main_option("path_separator", "os")
    return config


def alone(connection: sa.Connection) -> None:
    """Wait until nobody else makes or migrates tables; a writing transaction of SQLite is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))


def upgrade(connection: sa.Connection, home: FileHome, revision: str) -> None:
    """Bring the tables to a revision, in the connection's transaction."""
    from alembic import command  # noqa: PLC0415  # as above

    config = migrations()
    config.attributes["connection"] = connection
    config.attributes["keep_seen"] = partial(_keep_seen, home)
    command.upgrade(config, revision)


def _keep_seen(home: FileHome, keys: Sequence[tuple[str, datetime]]) -> Row:
    """Write the look-back's events that SQL held to a file, and return its row; nothing names it before the commit."""
    schema: Schema = {"key": pl.String, "@timestamp": UTC_MICROSECONDS}
    events = with_bits(pl.DataFrame(keys, schema=schema, orient="row"), "key")
    return vars(files.write(home, "seen", events.select(list(SEEN))))


def require_known(revision: str, where: str) -> None:
    """Refuse a revision that this program does not know.

    Raises:
        NewerStateError: says so.
    """
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # as above
    from alembic.util import CommandError  # noqa: PLC0415

    try:
        ScriptDirectory.from_config(migrations()).get_revision(revision)
    except CommandError as error:
        raise NewerStateError(
            f"{where} was written by a newer version (its revision {revision} is unknown here): "
            "update prefect-cloudtrail, or give another folder as --state"
        ) from error


def _require_still(connection: sa.Connection, revision: str, where: str) -> None:
    now = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if now != revision:
        raise NewerStateError(
            f"a newer version migrated {where} to {now} since this process opened it, and nothing was stored: "
            "update prefect-cloudtrail here, then start it again"
        )


def _require_kind(connection: sa.Connection, kind: Kind, where: str) -> None:
    stored = connection.scalar(sa.select(STATE.c.kind))
    if stored != kind:
        raise StateError(f"{where} holds a {stored} state, not a {kind} one: give another folder as --state")


def _tune_sqlite(engine: sa.Engine, *, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        # Python's driver begins transactions by its own rules; ours begin where we say.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _write_ahead(connection)

    @event.listens_for(engine, "begin")
    def _(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later could not wait for another writer, only fail.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite's own waiting does not cover this one statement."""
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return  # some network file systems stay with the rollback journal, which is as safe


def _explain(error: DBAPIError, where: str) -> str:
    said = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    if isinstance(error, IntegrityError):
        return f"{where} refuses what it was given: {said}; nothing was stored"
    known = _explain_sqlite(said, where) if isinstance(error.orig, sqlite3.Error) else postgresql.explain(error, where)
    return known or f"{where} cannot be used: {said}"


def _explain_sqlite(said: str, where: str) -> str | None:
    if "not a database" in said or "malformed" in said:
        return f"{where} is not a usable database ({said}): restore it, or give another folder as --state"
    if "locked" in said:
        return f"{where} is busy for over {BUSY_SECONDS} s ({said}): see what else works on it, then try again"
    if "full" in said:
        return f"{where} has no room left on its disk ({said}): make room, then try again"
    if "disk I/O" in said:
        return f"{where} cannot be read or written ({said}): see that its disk has room and is whole, then try again"
    if "readonly" in said or "unable to open" in said:
        return f"{where} cannot be written or opened ({said}): give this user the rights, or another folder as --state"
    return None

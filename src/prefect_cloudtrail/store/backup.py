"""A state copied whole into a folder while runs go on, and made again from it, in the same kind of place or another."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

import msgspec
import sqlalchemy as sa

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store import audit, postgresql
from prefect_cloudtrail.store.database import Database, alone, require_known, stored_revision, upgrade
from prefect_cloudtrail.store.files import KINDS, NAME, FileEntry, FileHome
from prefect_cloudtrail.store.folder import sync_names
from prefect_cloudtrail.store.response_tables import REQUESTS
from prefect_cloudtrail.store.statements import BATCH, Row
from prefect_cloudtrail.store.tables import FILES, HEAD, METADATA, NUL, STATE
from prefect_cloudtrail.versions import VERSION

# Written last, under its name in one step: a folder without it is no backup.
MANIFEST = "backup.json"
TABLES = "tables"
# Who is at work now; nobody is where a state is made again.
OF_THE_MOMENT = {"leases", "heartbeats"}
# A commit may take a file away before it is copied: then the tables are read again, and most files are copied already.
ROUNDS = 10
_TABLE = re.compile(r"tables/[a-z_]{1,60}\.jsonl")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Part:
    """One file of a backup."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Backup:
    """What a backup says of itself.

    Attributes:
        made_at: when its tables were read, all at one moment.
        version: of the program that made it.
        revision: of the tables.
        checkpoint: how far the state had come; None before its first run.
        rows: how many each table has.
        parts: every file of it, by its path in the folder.
    """

    made_at: datetime
    version: str
    revision: str
    checkpoint: datetime | None
    rows: dict[str, int]
    parts: dict[str, Part]

    @property
    def bytes(self) -> int:
        """How much room it takes."""
        return sum(part.bytes for part in self.parts.values())

    @property
    def files(self) -> list[str]:
        """The state's files, as its manifest names them."""
        return sorted(name for name in self.parts if NAME.fullmatch(name))


class _Written(msgspec.Struct):
    backup: msgspec.Raw
    sha256: str


def write(database: Database, home: FileHome, folder: Path, now: datetime) -> Backup:
    """Return the backup that was written to a new folder; runs may go on meanwhile.

    Args:
        database: an existing state's.
        home: its files'; copies that it made are let go.
        folder: which nobody else may read, as it holds what people did.
        now: the time.

    Raises:
        StateError: the folder holds something, or cannot be written, or a file of the state is missing or cut short.
    """
    with _writing_to(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise StateError(f"{folder} holds something already: give a new folder for the backup")
        for name in (TABLES, *KINDS):
            (folder / name).mkdir(mode=0o700)
        parts: dict[str, Part] = {}
        for _ in range(ROUNDS):
            seen = _dump(database, folder)
            if _copied(database, home, folder, seen.entries, parts):
                break
        else:
            raise StateError(f"{home.where} changed faster than it could be copied: try again when fewer runs go on")
        named = {entry.name for entry in seen.entries}
        for name in parts.keys() - named:  # copied before the last look, and dropped by then
            (folder / name).unlink()
        kept = {name: part for name, part in parts.items() if name in named}
        backup = Backup(now.astimezone(UTC), VERSION, HEAD, seen.checkpoint, seen.rows, seen.parts | kept)
        for name in (TABLES, *KINDS):
            sync_names(folder / name)
        _write_manifest(folder, backup)
        sync_names(folder.parent)
    return backup


def read(folder: Path) -> Backup:
    """Return a backup, after every byte of it was looked at.

    Raises:
        NewerStateError: a newer version made it.
        StateError: it is none, or not whole, or damaged.
    """
    path = folder / MANIFEST
    try:
        written = msgspec.json.decode(path.read_bytes(), type=_Written)
        backup = msgspec.json.decode(written.backup, type=Backup)
    except FileNotFoundError:
        raise StateError(f"{folder} is no whole backup: {MANIFEST}, which is written last, is not there") from None
    except OSError as error:
        raise StateError(f"cannot read {path}: {error}; give this user the rights") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(f"{path} is damaged ({error}): take another backup") from error
    if hashlib.sha256(bytes(written.backup)).hexdigest() != written.sha256:
        raise StateError(f"{path} is damaged: it is not what was written; take another backup")
    require_known(backup.revision, str(folder))
    for name, part in backup.parts.items():
        if not NAME.fullmatch(name) and not _TABLE.fullmatch(name):
            raise StateError(f"{path} names {name}, which is no part of a backup: take another backup")
        _require_whole(folder / name, part)
    return backup


def restore(folder: Path, backup: Backup, database: Database, home: FileHome, now: datetime) -> None:
    """Make the state again that a backup holds, where there is none; a restore that was killed may be repeated.

    Its files come first, and the database names them in one transaction: until then there is no state here. Where
    people were ever asked for a response, the breaker is tripped: the backup does not know what was carried out since.

    Args:
        folder: the backup's.
        backup: as `read` returned it.
        database: without a table.
        home: prepared, without files.
        now: the time.

    Raises:
        StateError: there is a state already, or it cannot be written; nothing of it was changed.
    """
    with database.reading() as connection:
        _require_none(connection, database)
    if others := sorted(set(home.found()) - set(backup.files)):
        raise StateError(f"{home.where} holds files already, {others[0]} first: give an empty --state to restore into")
    for name in backup.files:
        home.put(name, folder / name)
    with database.writing() as connection:
        alone(connection)
        # Again, now that nobody else can make one.
        _require_none(connection, database)
        if connection.dialect.name == "postgresql":
            postgresql.require_unicode(connection, database.where)
        upgrade(connection, home, backup.revision)
        _fill(connection, folder)
        upgrade(connection, home, HEAD)
        if connection.scalar(sa.select(sa.func.count()).select_from(REQUESTS)):
            why = (
                f"restored from a backup of {backup.made_at:%Y-%m-%dT%H:%M:%SZ}: what was done since is not known here"
            )
            audit.set_breaker(connection, tripped=True, by="prefect-cloudtrail restore", why=why, now=now)


# --- the tables -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tables:
    """What one look at the database saw."""

    parts: dict[str, Part]
    rows: dict[str, int]
    entries: list[FileEntry]
    checkpoint: datetime | None


def _dump(database: Database, folder: Path) -> _Tables:
    """Write every table, a JSON object a row, as they all were at one moment."""
    parts: dict[str, Part] = {}
    counts: dict[str, int] = {}
    with database.reading() as connection:
        for table in METADATA.sorted_tables:
            if table.name in OF_THE_MOMENT:
                continue
            name = f"{TABLES}/{table.name}.jsonl"
            query = sa.select(table).order_by(*table.primary_key.columns)
            found = connection.execute(query, execution_options={"yield_per": BATCH}).mappings()
            counts[table.name] = 0
            with _new(folder / name) as file:
                for row in found:
                    file.write(json.dumps(dict(row), default=_plain).encode() + b"\n")
                    counts[table.name] += 1
            parts[name] = _part(folder / name)
        entries = [FileEntry(**row) for row in connection.execute(sa.select(FILES)).mappings()]
        checkpoint = connection.scalar(sa.select(STATE.c.checkpoint))
    return _Tables(parts, counts, entries, checkpoint)


def _plain(value: object) -> str:
    if isinstance(value, date):  # a moment is one, too
        return value.isoformat()
    raise TypeError(f"{value!r} is of no column's type")


def _fill(connection: sa.Connection, folder: Path) -> None:
    """Insert the rows into tables as the backup's own revision had them, whatever this program's are."""
    then = sa.MetaData()
    then.reflect(connection)
    for table in then.sorted_tables:
        path = folder / TABLES / f"{table.name}.jsonl"
        if not path.exists():
            continue
        with path.open("rb") as file:
            lines = iter(file)
            while batch := list(islice(lines, BATCH)):
                connection.execute(sa.insert(table), [_row(connection, table, json.loads(line)) for line in batch])
        # PostgreSQL numbers on from where its sequence is, not from the rows.
        if connection.dialect.name == "postgresql" and table.name in _NUMBERED:
            connection.execute(
                sa.text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'number'), "  # noqa: S608 - our own names
                    f"coalesce(max(number), 1), max(number) IS NOT NULL) FROM {table.name}"
                )
            )


_NUMBERED = {table.name for table in METADATA.sorted_tables if table.autoincrement_column is not None}


def _row(connection: sa.Connection, table: sa.Table, said: Row) -> Row:
    return {name: _value(connection, table.columns[name], value) for name, value in said.items()}


def _value(connection: sa.Connection, column: sa.Column[Any], value: Any) -> Any:  # noqa: ANN401 - any column's
    local = connection.dialect.name == "sqlite"
    if isinstance(value, str) and isinstance(column.type, sa.DateTime):
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=None) if local else moment
    if isinstance(value, str) and isinstance(column.type, sa.Date):
        return date.fromisoformat(value)
    return value.replace("\0", NUL) if isinstance(value, str) and not local else value


def _require_none(connection: sa.Connection, database: Database) -> None:
    if stored_revision(connection, database.where) is not None:
        raise StateError(
            f"{database.where} holds a state already: give an empty --state, or --database, to restore into"
        )


# --- the files --------------------------------------------------------------------------------------------------------


def _copied(
    database: Database, home: FileHome, folder: Path, entries: Sequence[FileEntry], parts: dict[str, Part]
) -> bool:
    """Copy what is not copied yet; return whether all of it was still there."""
    for entry in entries:
        if entry.name in parts:
            continue
        try:
            # One at a time: a bucket's home keeps its copies until it is closed, and there may be gigabytes.
            (path,) = home.paths([entry])
            with path.open("rb") as source, _new(folder / entry.name) as file:
                shutil.copyfileobj(source, file, CHUNK)
        except (StateError, FileNotFoundError):
            with database.reading() as connection:
                named = connection.scalar(sa.select(FILES.c.name).where(FILES.c.name == entry.name))
            if named:
                raise
            return False
        finally:
            home.close()
        part = _part(folder / entry.name)
        if part.bytes != entry.bytes:
            raise StateError(f"{entry.name} was copied to {folder} as {part.bytes} bytes, not {entry.bytes}: try again")
        parts[entry.name] = part
    return True


@contextmanager
def _new(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that only this user may read, on the disk at the end."""
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _part(path: Path) -> Part:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Part(path.stat().st_size, digest)


def _require_whole(path: Path, part: Part) -> None:
    try:
        found = _part(path)
    except OSError as error:
        raise StateError(f"the backup lacks {path}: {error}; take another backup") from error
    if found != part:
        raise StateError(f"{path} is damaged: it is not what was written; take another backup")


def _write_manifest(folder: Path, backup: Backup) -> None:
    said = msgspec.json.encode(backup)
    whole = msgspec.json.encode(_Written(msgspec.Raw(said), hashlib.sha256(said).hexdigest()))
    part = folder / f"{MANIFEST}.part"
    with _new(part) as file:
        file.write(whole)
    part.replace(folder / MANIFEST)
    sync_names(folder)


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateError(
            f"cannot write the backup to {folder}: {error}; see that there is room, then try again"
        ) from error

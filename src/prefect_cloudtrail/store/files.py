"""The immutable Parquet files beside the database, which names them."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, cast, get_args
from uuid import uuid4

import polars as pl

from prefect_cloudtrail import schema
from prefect_cloudtrail.errors import CloudTrailResponseError, StateError

FileKind = Literal["presences", "usual", "index"]
KINDS: tuple[FileKind, ...] = get_args(FileKind)

# Small enough that a look-up in a sorted file skips most of it.
ROWS_PER_GROUP = 65_536


@dataclass(frozen=True)
class FileEntry:
    """One file as the manifest names it; `first` and `last` of its rows' times, none in the usual counts."""

    kind: FileKind
    name: str  # presences/0f8fad5b-....parquet, under the state folder
    rows: int
    bytes: int
    first: datetime | None
    last: datetime | None


def schema_of(kind: FileKind) -> schema.Schema:
    """Return the schema of this kind's rows."""
    return {"presences": schema.PRESENCES, "usual": schema.USUAL, "index": schema.INDEX}[kind]


def kind_of(frame: pl.DataFrame) -> FileKind:
    """Return which kind of file a frame's columns make.

    Raises:
        CloudTrailResponseError: they are no kind's.
    """
    for kind in KINDS:
        if set(frame.columns) == set(schema_of(kind)):
            return kind
    raise CloudTrailResponseError(
        f"a frame of {', '.join(frame.columns)} belongs to no kind of file: {', '.join(KINDS)}"
    )


def write(state: Path, kind: FileKind, frame: pl.DataFrame) -> FileEntry:
    """Return the entry of a new file with the frame's rows, on the disk before this returns.

    Args:
        state: folder of the state.
        kind: which of its folders.
        frame: of the kind's schema.

    Raises:
        StateError: the file cannot be written.
    """
    name = f"{kind}/{uuid4()}.parquet"
    path = state / name
    try:
        with path.open("xb") as file:
            frame.write_parquet(file, compression="zstd", row_group_size=ROWS_PER_GROUP)
            file.flush()
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        sync_folder(path.parent)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StateError(f"cannot write {path}: {error}") from error
    first, last = _span(kind, frame)
    return FileEntry(kind, name, frame.height, size, first, last)


def scan(state: Path, kind: FileKind, entries: Sequence[FileEntry]) -> pl.LazyFrame:
    """Return the rows of these files, read when they are asked for.

    Raises:
        StateError: a file is missing, or not as long as it was written.
    """
    for entry in entries:
        path = state / entry.name
        try:
            size = path.stat().st_size
        except OSError as error:
            raise StateError(f"cannot read {path}, which the case store names: {error}; restore it") from error
        if size != entry.bytes:
            raise StateError(f"{path} has {size} bytes, not the {entry.bytes} it was written with: restore it")
    if not entries:
        return pl.LazyFrame(schema=schema_of(kind))
    return pl.scan_parquet(
        [state / entry.name for entry in entries],
        schema=schema_of(kind),
        glob=False,
        hive_partitioning=False,
    )


def found(state: Path) -> list[str]:
    """Return the names of the files that are in the folders, whether the manifest names them or not."""
    return sorted(f"{kind}/{path.name}" for kind in KINDS for path in (state / kind).glob("*.parquet"))


def older_than(state: Path, names: Iterable[str], age: timedelta) -> list[str]:
    """Return the names of the files last written at least `age` ago; those that are gone by now are left out."""
    newest = time.time() - age.total_seconds()
    return [name for name in names if not age or _written_at(state / name) <= newest]


def remove(state: Path, names: Iterable[str]) -> None:
    """Delete the files; those that are gone are fine.

    Raises:
        StateError: one cannot be deleted.
    """
    for name in names:
        try:
            (state / name).unlink(missing_ok=True)
        except OSError as error:
            raise StateError(f"cannot delete {state / name}: {error}") from error


def sync_folder(folder: Path) -> None:
    """Bring the folder's names to the disk; a file's own fsync does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _span(kind: FileKind, frame: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    if kind == "usual":
        return None, None
    times = frame["hour" if kind == "presences" else "@timestamp"]
    return cast("datetime | None", times.min()), cast("datetime | None", times.max())

"""The immutable Parquet files, which the database names; where they lie is their home's affair."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Literal, Protocol, get_args
from uuid import uuid4

import polars as pl

from prefect_cloudtrail import schema
from prefect_cloudtrail.errors import CloudTrailResponseError, StateError
from prefect_cloudtrail.text import plain

FileKind = Literal["presences", "usual", "index", "seen"]
KINDS: tuple[FileKind, ...] = get_args(FileKind)
SUFFIX = ".parquet"
# Names come from the case store: one that leads elsewhere would be read, or deleted, there.
NAME = re.compile(rf"(?:{'|'.join(KINDS)})/[A-Za-z0-9_-]+{re.escape(SUFFIX)}")

# Small enough that a look-up in a sorted file skips most of it.
ROWS_PER_GROUP = 65_536


@dataclass(frozen=True)
class FileEntry:
    """One file as the manifest names it; `first` and `last` of its rows' times, none in the usual counts."""

    kind: FileKind
    name: str  # presences/0f8fad5b-....parquet, under the home
    rows: int
    bytes: int
    first: datetime | None
    last: datetime | None


class FileHome(Protocol):
    """Where a state's files lie: a folder, or a prefix of a bucket. What it cannot do comes out as a StateError."""

    @property
    def where(self) -> str:
        """The home as messages call it."""
        ...

    def prepare(self) -> None:
        """Make it where it is missing, and make sure that files can be written, read and deleted."""
        ...

    def write(self, name: str, frame: pl.LazyFrame) -> int:
        """Return the size of a new file with the frame's rows, whole and lasting before this returns."""
        ...

    def put(self, name: str, path: Path) -> None:
        """Store a copy of a file under a name, whole and lasting before this returns."""
        ...

    def paths(self, entries: Sequence[FileEntry]) -> list[Path]:
        """Return where these files can be read until `close`, each as long as it was written."""
        ...

    def found(self) -> Mapping[str, datetime]:
        """Return the files that are there, named by the manifest or not, and when each was written."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Delete the files; those that are gone are fine."""
        ...

    def close(self) -> None:
        """Let go of what was kept only for reading."""
        ...


def schema_of(kind: FileKind) -> schema.Schema:
    """Return the schema of this kind's rows."""
    schemas: dict[FileKind, schema.Schema] = {
        "presences": schema.PRESENCES,
        "usual": schema.USUAL,
        "index": schema.INDEX,
        "seen": schema.SEEN,
    }
    return schemas[kind]


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


def require_own(names: Iterable[str]) -> list[str]:
    """Return the names, once it is sure that each is one that a run gives its files.

    Raises:
        StateError: one is not, so somebody else wrote to the case store; nothing of it is read or deleted.
    """
    given = list(names)
    for name in given:
        if not NAME.fullmatch(name):
            raise StateError(
                f"the case store names the file {plain(name)}, which no run writes: find out who can write to it"
            )
    return given


def write(home: FileHome, kind: FileKind, frame: pl.DataFrame | pl.LazyFrame) -> FileEntry:
    """Return the entry of a new file with the frame's rows; of a scan, a part at a time is read.

    Raises:
        StateError: the file cannot be written.
    """
    rows, first, last = _span(kind, frame.lazy())
    name = f"{kind}/{uuid4()}{SUFFIX}"
    return FileEntry(kind, name, rows, home.write(name, frame.lazy()), first, last)


def scan(home: FileHome, kind: FileKind, entries: Sequence[FileEntry]) -> pl.LazyFrame:
    """Return the rows of these files, read when they are asked for, before the home is closed.

    Raises:
        StateError: a file is missing, or not as long as it was written.
    """
    if not entries:
        return pl.LazyFrame(schema=schema_of(kind))
    return pl.scan_parquet(
        home.paths(entries),
        schema=schema_of(kind),
        glob=False,
        hive_partitioning=False,
    )


def encode(frame: pl.LazyFrame, file: IO[bytes]) -> None:
    """Write the frame's rows as Parquet."""
    frame.sink_parquet(file, compression="zstd", compression_level=6, row_group_size=ROWS_PER_GROUP)


def _span(kind: FileKind, frame: pl.LazyFrame) -> tuple[int, datetime | None, datetime | None]:
    """How many rows there are, and the first and the last of their times."""
    times = pl.lit(None) if kind == "usual" else pl.col("hour" if kind == "presences" else "@timestamp")
    rows, first, last = frame.select(pl.len(), times.min().alias("first"), times.max().alias("last")).collect().row(0)
    return rows, first, last

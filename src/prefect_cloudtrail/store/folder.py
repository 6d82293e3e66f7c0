"""A state's files in a local folder."""

import os
import shutil
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store.files import KINDS, SUFFIX, FileEntry, encode, require_own


class FolderHome:
    """The files below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def where(self) -> str:
        """The folder."""
        return str(self.folder)

    def prepare(self) -> None:
        """Make the folders, on the disk, and make sure that they can be written.

        Raises:
            StateError: they cannot be made or written.
        """
        folders = [self.folder, *(self.folder / kind for kind in KINDS)]
        try:
            new = [folder for folder in folders if not folder.is_dir()]
            for folder in new:
                folder.mkdir(parents=True, exist_ok=True)
            for parent in {folder.parent for folder in new}:
                sync_names(parent)
        except OSError as error:
            raise StateError(
                f"cannot make the state folder {self.folder}: {error}; give another folder as --state"
            ) from error
        for folder in folders:
            require_writable(folder)

    def write(self, name: str, frame: pl.LazyFrame) -> int:
        """Return the size of a new file with the frame's rows, on the disk before this returns.

        Raises:
            StateError: it cannot be written.
        """
        path = self.folder / name
        try:
            with path.open("xb") as file:
                encode(frame, file)
                file.flush()
                os.fsync(file.fileno())
                size = os.fstat(file.fileno()).st_size
            sync_names(path.parent)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StateError(f"cannot write {path}: {error}; see that there is room, then try again") from error
        return size

    def put(self, name: str, path: Path) -> None:
        """Store a copy of a file under a name, whole and on the disk before this returns.

        Raises:
            StateError: it cannot be stored.
        """
        copy = self.folder / name
        part = copy.with_suffix(".part")
        try:
            with path.open("rb") as source, part.open("wb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(copy)
            sync_names(copy.parent)
        except OSError as error:
            raise StateError(f"cannot write {copy}: {error}; see that there is room, then try again") from error

    def paths(self, entries: Sequence[FileEntry]) -> list[Path]:
        """Return where the files lie.

        Raises:
            StateError: one is missing, or not as long as it was written.
        """
        require_own(entry.name for entry in entries)
        return [self._whole(entry) for entry in entries]

    def found(self) -> dict[str, datetime]:
        """Return the files that are there, and when each was written."""
        found = {}
        for kind in KINDS:
            for path in (self.folder / kind).glob(f"*{SUFFIX}"):
                try:
                    written = path.stat().st_mtime
                except FileNotFoundError:
                    continue  # another one has just deleted it
                found[f"{kind}/{path.name}"] = datetime.fromtimestamp(written, UTC)
        return found

    def remove(self, names: Iterable[str]) -> None:
        """Delete the files; those that are gone are fine.

        Raises:
            StateError: one cannot be deleted.
        """
        for name in require_own(names):
            try:
                (self.folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise StateError(f"cannot delete {self.folder / name}: {error}; give this user the rights") from error

    def close(self) -> None:
        """Do nothing: the files are read where they lie."""

    def _whole(self, entry: FileEntry) -> Path:
        path = self.folder / entry.name
        try:
            size = path.stat().st_size
        except OSError as error:
            raise StateError(f"cannot read {path}, which the case store names: {error}; restore it") from error
        if size != entry.bytes:
            raise StateError(f"{path} has {size} bytes, not the {entry.bytes} it was written with: restore it")
        return path


def require_writable(path: Path) -> None:
    """Refuse a file or folder that this user may not write.

    Raises:
        StateError: says whose rights are missing.
    """
    mode = os.W_OK | (os.X_OK if path.is_dir() else 0)
    if not os.access(path, mode, effective_ids=os.access in os.supports_effective_ids):
        raise StateError(f"{path} is not writable: give this user the rights, or another folder as --state")


def sync_names(folder: Path) -> None:
    """Bring the folder's names to the disk; a file's own fsync does not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Log objects in a local folder, at any depth: a copy of the trail's bucket, or of a part of it."""

import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prefect_cloudtrail.cloudtrail.parse import is_log
from prefect_cloudtrail.errors import SourceError

_ENDINGS = tuple(f"{ending}{packed}" for ending in (".json", ".jsonl", ".ndjson") for packed in ("", ".gz"))
_DELIVERED = re.compile(r"_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z_", re.ASCII)
_ESCAPED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")


@dataclass(frozen=True)
class LogObject:
    """One log object that can be read.

    `key` is its path relative to the root, with "/"; `delivered` the time in its name, None where it has none. `size`
    is in bytes, as it was listed; a guess unless `is_measured`.
    """

    key: str
    size: int
    delivered: datetime | None
    is_measured: bool = True


def delivered_at(key: str) -> datetime | None:
    """Return the UTC time of delivery in an object's name (`..._20260202T1015Z_...`), None where it has none."""
    found = _DELIVERED.search(key, key.rfind("/") + 1)
    if not found:
        return None
    try:
        year, month, day, hour, minute = map(int, found.groups())
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None


def is_log_file(key: str) -> bool:
    """Return whether the name ends as logs do, and is not that of a digest or of Insights records."""
    return key.lower().endswith(_ENDINGS) and is_log(key)


class FolderSource:
    """The log objects below one folder.

    Left out are digests and Insights, hidden files and folders, and files that do not end as logs do. Links are
    followed, but no folder or file is met twice. A link that leads nowhere is an object that cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, since: datetime | None = None) -> list[LogObject]:  # noqa: ARG002 - see below
        """Return the log objects, sorted by key: all, whatever `since` is, as old ones may have been copied just now.

        Raises:
            SourceError: there is no such folder, it or one below cannot be read, or it holds no log object.
        """
        if not self._root.is_dir():
            found = "is a file, not a folder" if self._root.exists() else "does not exist"
            raise SourceError(f"the folder {self._root} {found}: name the folder that holds the log objects")
        objects = _Walk(self._root).objects()
        if not objects:
            raise SourceError(
                f"the folder {self._root} holds no log object: "
                f"name one with {', '.join(_ENDINGS)} files at any depth, as in a trail's bucket below AWSLogs/"
            )
        return sorted(objects, key=lambda found: found.key)

    def read(self, key: str) -> bytes:
        """Return one object's bytes, as they lie there.

        Raises:
            SourceError: it cannot be read, or lies outside the folder.
        """
        if key.startswith("/") or ".." in key.split("/"):
            raise SourceError(f"{key} is not a log object of the folder {self._root}: take keys from its list")
        path = os.path.join(self._root, key)  # noqa: PTH118 - a Path for each of many tiny files takes longer than reading it
        try:
            try:
                return _content(path)
            except FileNotFoundError:
                if not _ESCAPED_BYTE.search(key):
                    raise
                return _content(_ESCAPED_BYTE.sub(lambda found: os.fsdecode(bytes.fromhex(found[1])), path))
        except OSError as error:
            raise SourceError(
                f"cannot read {key} in {self._root}: {error.strerror or error}; check its permissions"
            ) from error
        except ValueError as error:  # a NUL, say, which no name can have
            raise SourceError(f"{key!r} is not a log object of the folder {self._root}: {error}") from error


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        return file.readall()


class _Walk:
    """One walk through a folder: what really lies there first, then what links add to it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._links: list[tuple[str, str]] = []  # path, prefix of the key
        self._met: set[tuple[int, int]] = set()
        self._objects: list[LogObject] = []

    def objects(self) -> list[LogObject]:
        """Return every log object once, in no order."""
        self._folder(str(self._root), "")
        while self._links:
            links, self._links = sorted(self._links), []
            for path, key in links:
                self._link(path, key)
        return self._objects

    def _folder(self, path: str, prefix: str) -> None:
        below = [(path, prefix)]
        while below:
            path, prefix = below.pop()
            try:
                if not self._first_met(os.stat(path)):  # noqa: PTH116 - paths are texts here
                    continue
                with os.scandir(path) as entries:
                    for entry in entries:
                        key = prefix + _named(entry.name)
                        if entry.name.startswith("."):
                            continue
                        if entry.is_symlink():
                            self._links.append((entry.path, key))
                        elif entry.is_dir():
                            below.append((entry.path, f"{key}/"))
                        elif is_log_file(key) and entry.is_file():
                            self._file(key, entry.stat())
            except OSError as error:
                raise SourceError(
                    f"cannot read the folder {_named(path)}: {error.strerror or error}; give this user the right to"
                ) from error

    def _link(self, path: str, key: str) -> None:
        try:
            target = os.stat(path)  # noqa: PTH116
        except OSError:
            # It leads nowhere, or round in a circle. Listed all the same, so that reading it says so.
            if is_log_file(key):
                self._objects.append(LogObject(key, 0, delivered_at(key)))
            return
        if stat.S_ISDIR(target.st_mode):
            self._folder(path, f"{key}/")
        elif stat.S_ISREG(target.st_mode) and is_log_file(key):
            self._file(key, target)

    def _file(self, key: str, found: os.stat_result) -> None:
        if self._first_met(found):
            self._objects.append(LogObject(key, found.st_size, delivered_at(key)))

    def _first_met(self, found: os.stat_result) -> bool:
        identity = (found.st_dev, found.st_ino)
        first = identity not in self._met
        self._met.add(identity)
        return first


def _named(name: str) -> str:
    """Return the name with bytes that are no UTF-8 as backslashes and hex: it goes into texts that must be UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")

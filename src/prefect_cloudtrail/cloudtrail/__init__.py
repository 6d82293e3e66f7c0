"""1 read: CloudTrail's log objects to EVENTS, wherever they lie."""

from collections.abc import Callable, Sequence
from typing import Protocol

from prefect_cloudtrail.cloudtrail.folder import FolderSource, LogObject
from prefect_cloudtrail.cloudtrail.parse import MAX_OBJECT_BYTES, Parsed, Parser, parse
from prefect_cloudtrail.cloudtrail.reasons import Reason, sample
from prefect_cloudtrail.errors import SourceError

__all__ = ["MAX_OBJECT_BYTES", "FolderSource", "LogObject", "Parsed", "Reason", "Source", "parse", "read_objects"]


class Source(Protocol):
    """Where log objects lie."""

    def list(self) -> list[LogObject]:
        """Return the log objects, sorted by key; raises SourceError where they cannot be listed."""
        ...

    def read(self, key: str) -> bytes:
        """Return one object's bytes; raises SourceError where it cannot be fetched."""
        ...


def read_objects(
    source: Source,
    objects: Sequence[LogObject],
    *,
    max_object_bytes: int = MAX_OBJECT_BYTES,
    progress: Callable[[int], None] | None = None,
) -> Parsed:
    """Return what the objects hold; one that cannot be fetched is rejected as `unreadable`, and the rest are read.

    Args:
        source: where they lie.
        objects: which to read, of the source's list; EVENTS keeps their order.
        max_object_bytes: an object with more JSON than this is rejected as `too_large`, and not held.
        progress: told after each object how many have been read so far.
    """
    parser = Parser(max_object_bytes)
    for count, log_object in enumerate(objects, start=1):
        if log_object.size > max_object_bytes:
            parser.reject(log_object.key, Reason.TOO_LARGE, f"{log_object.size} bytes")
        else:
            _read(source, log_object.key, parser)
        if progress:
            progress(count)
    return parser.finish()


def _read(source: Source, key: str, parser: Parser) -> None:
    try:
        content = source.read(key)
    except (SourceError, OSError) as error:
        parser.reject(key, Reason.UNREADABLE, sample(str(error).encode("utf-8", "replace")))
        return
    parser.add(key, content)

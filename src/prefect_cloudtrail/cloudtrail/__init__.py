"""1 read: CloudTrail's log objects to EVENTS, wherever they lie."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Protocol, runtime_checkable

from prefect_cloudtrail.cloudtrail.folder import FolderSource, LogObject
from prefect_cloudtrail.cloudtrail.parse import MAX_OBJECT_BYTES, Parsed, Parser, parse
from prefect_cloudtrail.cloudtrail.reasons import Reason, sample
from prefect_cloudtrail.cloudtrail.whole import whole_records
from prefect_cloudtrail.errors import ObjectTooLargeError, SourceError

__all__ = [
    "MAX_OBJECT_BYTES",
    "BulkSource",
    "Content",
    "FolderSource",
    "LogObject",
    "NoticeSource",
    "Parsed",
    "Reason",
    "Source",
    "contents",
    "fetched",
    "parse",
    "parse_fetched",
    "read_objects",
    "whole_records",
]

Content = bytes | Exception  # an object as it lies there, or why it is not read


class Source(Protocol):
    """Where log objects lie."""

    def list(self, since: datetime | None = None) -> list[LogObject]:
        """Return the log objects that may be new, sorted by key; raises SourceError where they cannot be listed.

        Left out may be what was delivered before `since`, and what lies beside the trail.
        """
        ...

    def read(self, key: str) -> bytes:
        """Return one object's bytes; raises SourceError where it cannot be fetched."""
        ...


@runtime_checkable
class BulkSource(Source, Protocol):
    """Where log objects lie that are better fetched many at a time."""

    def fetch(self, keys: Sequence[str]) -> Iterator[tuple[str, bytes | Exception]]:
        """Yield each key, in their order, with its object's bytes or why it cannot be fetched; holds few at a time."""
        ...


@runtime_checkable
class NoticeSource(BulkSource, Protocol):
    """Where new log objects are announced, again and again until it is said that they are stored."""

    @property
    def rejected(self) -> Mapping[str, int]:
        """How many notices the last list could make nothing of, by reason."""
        ...

    def settle(self, keys: Collection[str]) -> None:
        """Announce these no more: they are stored, each of them whole; raises SourceError where that fails."""
        ...


def read_objects(source: Source, objects: Sequence[LogObject], max_object_bytes: int = MAX_OBJECT_BYTES) -> Parsed:
    """Return what the objects hold; one that cannot be fetched is rejected as `unreadable`, and the rest are read.

    Args:
        source: where they lie.
        objects: which to read, of the source's list; EVENTS keeps their order.
        max_object_bytes: an object with more JSON than this is rejected as `too_large`, and not held.
    """
    with closing(fetched(source, objects, max_object_bytes)) as held:
        return parse_fetched(objects, held, max_object_bytes)


def fetched(source: Source, objects: Sequence[LogObject], max_object_bytes: int) -> Generator[Content, None, None]:
    """Yield each object's bytes, or why it is not read, in their order; one that is too large is not even fetched.

    One that comes shorter than it was listed is not read: what is missing would be taken for damage, and never be asked
    for again.
    """
    fitting = [each.key for each in objects if each.size <= max_object_bytes]
    with closing(contents(source, fitting)) as found:
        for each in objects:
            if each.size > max_object_bytes:
                yield ObjectTooLargeError(f"{each.size} bytes")
                continue
            content = next(found)
            if isinstance(content, bytes) and each.is_measured and len(content) < each.size:
                yield SourceError(f"only {len(content)} of {each.size} bytes of {each.key} came: run again later")
            else:
                yield content


def parse_fetched(objects: Sequence[LogObject], held: Iterable[Content], max_object_bytes: int) -> Parsed:
    """Return what the objects hold, as `read_objects`, of what has been fetched."""
    parser = Parser(max_object_bytes)
    for each, content in zip(objects, held, strict=True):
        match content:
            case bytes():
                parser.add(each.key, content)
            case ObjectTooLargeError():
                parser.reject(each.key, Reason.TOO_LARGE, str(content))
            case SourceError() | OSError():
                parser.reject(each.key, Reason.UNREADABLE, sample(str(content).encode("utf-8", "replace")))
            case _:
                raise content
    return parser.finish()


def contents(source: Source, keys: Sequence[str]) -> Generator[Content, None, None]:
    """Yield each object's bytes, or why it cannot be fetched, in the order of the keys."""
    if isinstance(source, BulkSource):
        for _, content in source.fetch(keys):
            yield content
        return
    for key in keys:
        try:
            yield source.read(key)
        except (SourceError, OSError) as error:
            yield error

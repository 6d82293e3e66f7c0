"""One object's JSON cut into its records' own bytes, however they are laid out, and as far as possible when damaged."""

import re
import sys
from collections.abc import Generator, Iterator
from itertools import islice

import msgspec
from msgspec import UNSET, Raw, UnsetType

from prefect_cloudtrail.cloudtrail.unpack import Text


class _Envelope(msgspec.Struct):
    """The object around the records."""

    records: list[Raw] | UnsetType | None = msgspec.field(default=UNSET, name="Records")


_RAW = msgspec.json.Decoder(Raw)
_RAW_LIST = msgspec.json.Decoder(list[Raw])
_ENVELOPE = msgspec.json.Decoder(_Envelope)

_OPENING = re.compile(rb'\s*+(?:\{\s*+"Records"\s*+:\s*+)?\[')
_CLOSING = re.compile(rb"\s*+\}")
# Records are in a list, or in one that an object around them holds.
_DEEPEST = 2
_COUNTED = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[\[\]{},]|[^\s\[\]{},":]++', re.DOTALL)
_LINE = re.compile(rb"[^\n]+")
_MORE = re.compile(rb"\S")
# A text that is never closed runs to the end.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[\[\]{},]', re.DOTALL)


def holds_more_than(most: int, text: Text) -> bool:
    """Return whether there are more records than this before the first damage; what is in any of its lists counts."""
    found, in_list = 0, [False]
    for token in _COUNTED.finditer(text) if len(text) > 2 * most else ():
        match token.group()[:1]:
            case b"{" | b"[" as bracket:
                found += len(in_list) == 1
                in_list.append(bracket == b"[")
            case b"}" | b"]":
                del in_list[max(1, len(in_list) - 1) :]
            case b",":
                found += in_list[-1] and len(in_list) <= _DEEPEST + 1
            case _:
                found += len(in_list) == 1
        if found > most:
            return True
    return False


class TooManyError(Exception):
    """There are more records than were asked for."""


def split(text: Text, most: int = sys.maxsize) -> list[bytes]:
    """Return each record's own JSON, in order; the whole text as one where no record can be told apart in it.

    A list, `{"Records": [...]}`, one record, one a line, or any number of these one after another. Where the JSON is
    damaged, each line, or whatever stands between balanced brackets, is a piece: one that is no JSON costs only itself,
    and what was cut off is the last piece.

    Raises:
        TooManyError: there are more than `most`; they were not held.
    """
    if holds_more_than(most, text):
        raise TooManyError
    try:
        return [piece for document in _RAW.decode_lines(text) for piece in _pieces(bytes(document))]
    except (msgspec.DecodeError, RecursionError):
        pieces = list(islice(_split_damaged(bytes(text), most), most + 1 if most < sys.maxsize else None))
    if len(pieces) > most:
        raise TooManyError
    return pieces


def _pieces(document: bytes) -> list[bytes]:
    if document.startswith(b"["):
        return [bytes(raw) for raw in _RAW_LIST.decode(document)]
    if not document.startswith(b"{"):
        return [document]
    try:
        records = _ENVELOPE.decode(document).records
    except msgspec.ValidationError:  # "Records" is something else
        return [document]
    return [document] if records is UNSET else [bytes(raw) for raw in records or []]


def _split_damaged(text: bytes, most: int) -> Iterator[bytes]:
    first = list(islice(_lines(text), 2))
    several = len(first) > 1
    if several and _is_whole(first[0]):
        yield from _split_lines(text, most)
    elif _OPENING.match(text):
        yield from _between_brackets(text)
    elif several and any(map(_is_whole, _lines(text))):
        yield from _split_lines(text, most)
    else:
        yield text.strip()


def _lines(text: bytes) -> Iterator[bytes]:
    for found in _LINE.finditer(text):
        if line := found.group().strip():
            yield line


def _is_whole(line: bytes) -> bool:
    return line.startswith(b"{") and line.endswith(b"}")


def _split_lines(text: bytes, most: int) -> Iterator[bytes]:
    for line in _lines(text):
        yield from split(line, most)


def _between_brackets(text: bytes) -> Iterator[bytes]:
    """Yield what stands between the commas of each list; what follows the last list, if anything, is one piece."""
    position = 0
    while opening := _OPENING.match(text, position):
        end = yield from _elements(text, opening.end())
        if end is None:
            return
        closing = _CLOSING.match(text, end) if b"{" in opening.group() else None
        position = closing.end() if closing else end
        is_closed = closing or b"{" not in opening.group()
        if is_closed and not _MORE.search(text, position):
            return
    yield text[position:].strip()


def _elements(text: bytes, start: int) -> Generator[bytes, None, int | None]:
    """Yield the elements of the list that begins at `start`; return where it ends, None where it was cut off."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        match token.group():
            case b"{" | b"[":
                depth += 1
            case b"}" | b"]" if depth:
                depth -= 1
            case b",":
                if not depth:
                    yield text[start : token.start()].strip()
                    start = token.end()
            case b"]":
                if element := text[start : token.start()].strip():
                    yield element
                return token.end()
    element = text[start:].strip()
    if element and not depth:
        yield element
    # No record is known to be missing after a whole one, but none is known not to be: the cut is a piece of its own.
    yield element if depth else b""
    return None

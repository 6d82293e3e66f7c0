"""One object's JSON cut into its records' own bytes, however they are laid out, and as far as possible when damaged."""

import re
from collections.abc import Generator, Iterator

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
# A text that is never closed runs to the end.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[\[\]{},]', re.DOTALL)


def split(text: Text) -> list[bytes]:
    """Return each record's own JSON, in order; the whole text as one where no record can be told apart in it.

    A list, `{"Records": [...]}`, one record, one a line, or any number of these one after another. Where the JSON is
    damaged, each line, or whatever stands between balanced brackets, is a piece: one that is no JSON costs only itself,
    and what was cut off is the last piece.
    """
    try:
        return [piece for document in _RAW.decode_lines(text) for piece in _pieces(bytes(document))]
    except (msgspec.DecodeError, RecursionError):
        return _split_damaged(bytes(text))


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


def _split_damaged(text: bytes) -> list[bytes]:
    lines = [line.strip() for line in text.split(b"\n") if line.strip()]
    whole = [line.startswith(b"{") and line.endswith(b"}") for line in lines]
    if len(lines) > 1 and whole[0]:
        return _split_lines(lines)
    if _OPENING.match(text):
        return list(_between_brackets(text))
    return _split_lines(lines) if len(lines) > 1 and any(whole) else [text.strip()]


def _split_lines(lines: list[bytes]) -> list[bytes]:
    return [piece for line in lines for piece in split(line)]


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
        if is_closed and not text[position:].strip():
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

"""From an object's bytes to its JSON, whether it is compressed or not, without ever holding more than a limit."""

import zlib

import deflate

from prefect_cloudtrail.cloudtrail.reasons import Reason

Text = bytes | bytearray  # JSON, not yet decoded

_MAGIC = b"\x1f\x8b"
_MEMBER = b"\x1f\x8b\x08"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PIECE_BYTES = 16_384
_HIGHEST_RATIO = 1032  # DEFLATE cannot compress more than this


def unpack(key: str, content: bytes, limit: int) -> Text | Reason:
    """Return the JSON of one object, or why there is none: BAD_GZIP or TOO_LARGE.

    What is compressed is told by its first bytes: some clients unpack `.gz` on the way, and some forget the name's end.
    An empty object is empty JSON, not damaged gzip.

    Args:
        key: the object's name, for whether it should have been gzip.
        content: the object as it lies in storage.
        limit: the most bytes of JSON to answer with.
    """
    if content.startswith(_MAGIC):
        text = _gunzip(content, limit)
    elif key.endswith(".gz") and not content.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith((b"{", b"[")):
        text = Reason.BAD_GZIP if content.strip() else b""
    else:
        text = content
    if isinstance(text, Reason):
        return text
    if len(text) > limit:
        return Reason.TOO_LARGE
    return text.removeprefix(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else text  # else it would be copied


def _gunzip(content: bytes, limit: int) -> Text | Reason:
    # libdeflate is several times faster, but stops after the first member without a word, and believes the length that
    # the last four bytes claim. So it is asked only where neither can hurt.
    claimed = int.from_bytes(content[-4:], "little")
    if 0 < claimed <= min(limit, _HIGHEST_RATIO * len(content)) and content.find(_MEMBER, len(_MEMBER)) < 0:
        try:
            text = deflate.gzip_decompress(content)
        except (deflate.DeflateError, ValueError):
            return _gunzip_members(content, limit)
        if len(text) == claimed:
            return text
    return _gunzip_members(content, limit)


def _gunzip_members(content: bytes, limit: int) -> Text | Reason:
    text = bytearray()
    member = zlib.decompressobj(wbits=31)
    # In pieces, as what a member leaves over is copied: of the whole, a million members would take hours.
    for start in range(0, len(content), _PIECE_BYTES):
        rest = content[start : start + _PIECE_BYTES]
        while rest:
            if member.eof:
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                member = zlib.decompressobj(wbits=31)
            try:
                text += member.decompress(rest, limit + 1 - len(text))
            except zlib.error:
                return Reason.BAD_GZIP
            if len(text) > limit:
                return Reason.TOO_LARGE
            rest = member.unused_data if member.eof else member.unconsumed_tail
    return text if member.eof else Reason.BAD_GZIP

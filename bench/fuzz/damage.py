"""Bytes damaged at random: by bits, by pieces, and by what parsers stumble over."""

import gzip
import zlib
from collections.abc import Callable, Sequence
from random import Random

ODD = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r\n", b"\n", b" ", b"\\", b'"', b"'", b"{", b"}", b"[", b"]", b",", b":"),
    *(
        b"null",
        b"true",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5_000,
        b"-0",
        b"\\ud800",
        b"\\u0000",
        b"{}",
        b"[]",
        b'""',
    ),
    *(b'"Records":', b'"eventTime":', b'"eventTime":"2026-02-30T00:00:00Z",', b'"eventName":7,', b'"userIdentity":[],'),
    *(b"[" * 3_000, b'{"a":' * 3_000, "\u202e\U0001f600".encode(), b"../" * 5, b"<!channel>", b"=", b"#", b"[[a]]\n"),
)


def damaged(chance: Random, seeds: Sequence[bytes]) -> bytes:
    """Return one of the seeds, or two spliced, damaged one to six times."""
    content = chance.choice(seeds)
    for _ in range(chance.randint(1, 6)):
        content = chance.choice(_DAMAGES)(chance, content, seeds)
    return content[:1_000_000]


def unpacked_and_packed(chance: Random, content: bytes) -> bytes:
    """Return gzip of it, now and then in two members, with something behind it, cut off, or with a bit flipped."""
    cut = _place(chance, content)
    packed = gzip.compress(content, 1, mtime=0)
    match chance.randrange(8):
        case 0:
            packed = gzip.compress(content[:cut], 1, mtime=0) + gzip.compress(content[cut:], 1, mtime=0)
        case 1:
            packed += b"\0" * chance.randint(1, 9)
        case 2:
            packed += chance.choice(ODD)
        case 3:
            packed = packed[: _place(chance, packed)]
        case 4:
            packed = _flip(chance, packed, ())
        case 5:
            packed = zlib.compress(content)
        case _:
            pass
    return packed


def _place(chance: Random, content: bytes) -> int:
    return chance.randint(0, len(content))


def _flip(chance: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(content or b"\0")
    for _turn in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _insert(chance: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = _place(chance, content)
    return content[:at] + chance.choice(ODD) + content[at:]


def _replace(chance: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start = _place(chance, content)
    return content[:start] + chance.choice(ODD) + content[start + chance.randint(1, 40) :]


def _cut(chance: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content[: _place(chance, content)]


def _drop(chance: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = sorted((_place(chance, content), _place(chance, content)))
    return content[:start] + content[min(end, start + 200) :]


def _again(chance: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = sorted((_place(chance, content), _place(chance, content)))
    return content[:end] + content[start:end] * chance.choice((1, 2, 20)) + content[end:]


def _splice(chance: Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    other = chance.choice(seeds)
    return content[: _place(chance, content)] + other[_place(chance, other) :]


_DAMAGES: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (
    *(_flip, _insert, _replace, _cut, _drop, _again, _splice),
)

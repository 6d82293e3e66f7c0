"""Seeded chance: every decision draws from a stream named after what it decides.

A person's Tuesday has its own stream, so another person, another robot or a theft more changes nothing in it.
"""

import hashlib
import uuid
from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
# Fewer than these and "at least one" would make everybody odd in every way.
FEW = 8
ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def stream(*names: object) -> Random:
    """Return the stream of random numbers of these names, the same in every process."""
    return Random("/".join(map(str, names)))  # noqa: S311 - generates examples, guards nothing


def token(length: int, alphabet: str, *names: object) -> str:
    """Return a word of `alphabet` that these names always give; cheaper than a stream."""
    digest = hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=length).digest()
    return "".join(alphabet[byte % len(alphabet)] for byte in digest)


def identifier(chance: Random) -> str:
    """Return a version 4 UUID drawn from `chance`."""
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def deal(chance: Random, count: int, share: float) -> frozenset[int]:
    """Return which of `count` are picked: at least one, unless the share is 0 or there are only a few."""
    least = 1 if share > 0 and count >= FEW else 0
    picked = min(count, max(least, round(count * share)))
    return frozenset(chance.sample(range(count), picked))


def running_weights(count: int) -> tuple[float, ...]:
    """Return cumulative weights in which the n-th thing happens about 1/n as often as the first."""
    total = 0.0
    sums = []
    for rank in range(1, count + 1):
        total += rank**-1.1
        sums.append(total)
    return tuple(sums)


def shuffled(chance: Random, things: Sequence[T]) -> tuple[T, ...]:
    """Return the things in an order of chance."""
    return tuple(chance.sample(things, len(things)))

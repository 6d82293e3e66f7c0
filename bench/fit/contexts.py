"""How much a wider context counts: k by prequential log loss.

    p_i(x) = (n_i(x) + k_i p_i+1(x)) / (N_i + k_i)

Each row is asked how probable its outcome was, by the counts before it; its loss is -ln p. No label is looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# From the least k that is ever tried: with less, one outcome seen once would be all that there can be.
TRIED = (0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
# Nats a row: a difference that is none.
SAME_LOSS = 1e-6


@dataclass(frozen=True)
class Counted:
    """One organisation's rows of one rule, each with the counts before it; a column a context, specific to general.

    Attributes:
        n: decayed presences of the row's outcome; 0 where there is none.
        total: of all outcomes.
        quiet: whether the context is no judge of the row.
        root: how probable the outcome is beyond the most general context.
    """

    n: Floats
    total: Floats
    quiet: NDArray[np.bool_]
    root: Floats


def probabilities(counted: Counted, ks: Sequence[float]) -> Floats:
    """Return how probable each row's outcome was."""
    p = counted.root
    for index in reversed(range(len(ks))):
        share = (counted.n[:, index] + ks[index] * p) / (counted.total[:, index] + ks[index])
        p = np.where(counted.quiet[:, index], p, share)
    return p


def loss(worlds: Sequence[Counted], ks: Sequence[float]) -> float:
    """Return the mean loss a row, in nats; each organisation counts alike, however many rows it has."""
    return float(np.mean([-np.log(probabilities(each, ks)).mean() for each in worlds]))


def fit(worlds: Sequence[Counted], today: Sequence[float], tried: Sequence[float] = TRIED) -> tuple[float, ...]:
    """Return the ks of least loss, specific to general.

    One context after the other, from general to specific, takes the k that costs the whole rule least, the others left
    as they are; again until none changes.

    Args:
        worlds: at least one, each with at least one row and as many contexts as the others.
        today: the ks to begin with.
        tried: what else there is to choose from.
    """
    ks, before = list(today), None
    least = loss(worlds, ks)
    while ks != before:
        before = list(ks)
        for context in reversed(range(len(ks))):
            for k in tried:
                other = [*ks[:context], k, *ks[context + 1 :]]
                costs = loss(worlds, other)
                if costs < least - SAME_LOSS:
                    ks, least = other, costs
    return tuple(ks)

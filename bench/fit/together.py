"""Weights that are fitted together: a logistic fit with fixed signs, shrunk towards seven tenths of each piece's ratio.

A piece that holds only where another holds, too, says little of its own; its ratio alone does not know that.
"""

from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.fit.rankings import Judged
from bench.fit.weights import Groups, Weights
from bench.quality.weights import Ratio

OF_THE_RATIO = 0.7
AT_LEAST_DECIBANS, AT_MOST_DECIBANS = 1.0, 8.0
STEP_DECIBANS = 0.5
# What held in fewer incidents keeps the weight that somebody gave it.
HELD_AT_LEAST = 5
# Nats that one deciban away from its ratio costs a piece, squared: as much as a few incidents may say against it.
PULL = 0.5
# How often an innocent's incident counts: thefts are a good deal denser here than in life.
TIMES = 2.0

Floats = NDArray[np.float64]


def fit_together(
    incidents: Sequence[Judged], today: Weights, groups: Groups, prior: float, pull: float = PULL, times: float = TIMES
) -> dict[str, float]:
    """Return the weights of least loss, -ln of the probability of what each incident was, in steps of half a deciban.

    Args:
        incidents: true and false ones; only those that are weighed count.
        today: the weights so far, whose signs are kept.
        groups: of each piece; only its strongest counts.
        prior: decibans.
        pull: how hard each is held at its ratio.
        times: how often an innocent's incident counts, for one of a theft.
    """
    weighed = [each for each in incidents if each.weighed]
    names = list(today)
    held = np.array([[name in each.evidence for name in names] for each in weighed], dtype=bool)
    true = np.array([each.true for each in weighed], dtype=np.float64)
    counts = np.where(true > 0, 1.0, times)
    members = [[at for at, name in enumerate(names) if groups[name] == group] for group in sorted(set(groups.values()))]
    start = np.array(list(_ratios(weighed, today).values()))
    free = held.sum(axis=0) >= HELD_AT_LEAST

    def cost(weights: Floats) -> tuple[float, Floats]:
        counted = _strongest(held, weights, members)
        odds = (prior + counted @ weights) * log(10) / 10
        off = weights - start
        loss = counts * (np.logaddexp(0, odds) - true * odds)
        slope = counted.T @ (counts * (1 / (1 + np.exp(-odds)) - true)) * log(10) / 10
        return float(loss.sum() + pull * (off**2).sum()), np.where(free, slope + 2 * pull * off, 0.0)

    least, most = AT_LEAST_DECIBANS, AT_MOST_DECIBANS
    bounds = [(least, most) if today[name] > 0 else (-most, -least) for name in names]
    low, high = np.array(bounds).T
    begin = np.minimum(np.maximum(start, low), high)
    found = minimize(cost, begin, jac=True, bounds=bounds, method="L-BFGS-B").x
    return {name: _step(float(weight), today[name]) for name, weight in zip(names, found, strict=True)}


def _strongest(held: NDArray[np.bool_], weights: Floats, members: Sequence[Sequence[int]]) -> Floats:
    """Of each incident the pieces that count: the strongest of each group that held."""
    counted = np.zeros(held.shape)
    rows = np.arange(len(held))
    for group in members:
        strength = np.where(held[:, group], np.abs(weights[group]), 0.0)
        strongest = strength.argmax(axis=1)
        counted[rows, np.array(group)[strongest]] = strength[rows, strongest] > 0
    return counted


def _ratios(weighed: Sequence[Judged], today: Weights) -> dict[str, float]:
    all_true = sum(each.true for each in weighed)
    found = {}
    for name, sign in today.items():
        true = sum(each.true for each in weighed if name in each.evidence)
        false = sum(name in each.evidence for each in weighed) - true
        if true + false < HELD_AT_LEAST:
            found[name] = sign
            continue
        ratio = Ratio(name, true, all_true, false, len(weighed) - all_true).decibans * OF_THE_RATIO
        found[name] = ratio if ratio * sign > 0 else 0.0
    return found


def _step(weight: float, sign: float) -> float:
    size = round(abs(weight) / STEP_DECIBANS) * STEP_DECIBANS
    return float(np.copysign(min(max(size, AT_LEAST_DECIBANS), AT_MOST_DECIBANS), sign))

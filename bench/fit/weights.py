"""How often each piece of evidence is the strongest of its group, and what incidents are rated with some weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.fit.rankings import Judged
from bench.quality.weights import Ratio
from prefect_cloudtrail.risk import probability

Weights = Mapping[str, float]
Groups = Mapping[str, str]
Order = tuple[str, ...]  # every piece, the strongest first


@dataclass(frozen=True)
class Fitted:
    """Weights, in decibans, and what they were counted from.

    Attributes:
        weights: of each piece.
        ratios: how often each was the strongest of its group that held.
    """

    weights: dict[str, float]
    ratios: dict[str, Ratio]


def by_strength(weights: Weights) -> Order:
    """Return the pieces as `risk.rate` orders them: the strongest first, of equals what speaks for, then by name."""
    return tuple(sorted(weights, key=lambda name: (-abs(weights[name]), weights[name] < 0, name)))


def count(weighed: Sequence[Judged], order: Order, groups: Groups) -> dict[str, Ratio]:
    """Return how often each piece was the one that counts: it held, and no stronger one of its group did.

    Out of all true and all false incidents: the pieces of a group share one whole. Out of those where no stronger one
    held, few would be left on one side, and smoothing alone would weigh decibans.
    """
    all_true = sum(each.true for each in weighed)
    left = {group: list(weighed) for group in set(groups.values())}
    ratios = {}
    for name in order:
        asked = left[groups[name]]
        held = [each for each in asked if name in each.evidence]
        true = sum(each.true for each in held)
        ratios[name] = Ratio(name, true, all_true, len(held) - true, len(weighed) - all_true)
        left[groups[name]] = [each for each in asked if name not in each.evidence]
    return ratios


def evidence(each: Judged, order: Order, weights: Weights, groups: Groups) -> float:
    """Return the decibans of the evidence that counts: of each group the strongest piece that held."""
    counted: dict[str, float] = {}
    for name in order:
        if name in each.evidence:
            counted.setdefault(groups[name], weights[name])
    return sum(counted.values())


def rate(incidents: Sequence[Judged], weights: Weights, groups: Groups, prior: float) -> list[float]:
    """Return each incident's risk, 0 to 1, with these weights; what is not weighed keeps its own."""
    order = by_strength(weights)
    return [
        round(probability(prior + evidence(each, order, weights, groups)), 4) if each.weighed else each.risk
        for each in incidents
    ]

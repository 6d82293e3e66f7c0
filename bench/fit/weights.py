"""What each piece of evidence weighs: smoothed likelihood ratios, given that only the strongest of a group counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import copysign

from bench.fit.rankings import Judged
from bench.quality.weights import Ratio
from prefect_cloudtrail.risk import probability

AT_MOST_DECIBANS = 8.0

Weights = Mapping[str, float]
Groups = Mapping[str, str]
Order = tuple[str, ...]  # every piece, the strongest first


@dataclass(frozen=True)
class Fitted:
    """Weights, in decibans, and what they were counted from.

    Attributes:
        weights: of each piece, in the order they were given in.
        ratios: how often each was the strongest of its group that held.
        stable: whether the order that the weights give is the one they were counted in; otherwise orders go round in a
            circle, and this is one of them.
    """

    weights: dict[str, float]
    ratios: dict[str, Ratio]
    stable: bool


def fit(incidents: Sequence[Judged], today: Weights, groups: Groups) -> Fitted:
    """Return the weights fitted to the incidents that are weighed.

    What is counted depends on which pieces are stronger, and that on what was counted: it begins with the order of the
    ratios of all in which each piece held, and is done again until the order stays.

    Args:
        incidents: true and false ones.
        today: the weights so far, in decibans; a piece keeps its sign, whatever is counted.
        groups: of each piece.
    """
    weighed = [each for each in incidents if each.weighed]
    held = count(weighed, by_strength(today), {name: name for name in today})
    order, tried = by_strength({name: ratio.decibans for name, ratio in held.items()}), set[Order]()
    while True:
        tried.add(order)
        ratios = count(weighed, order, groups)
        weights = {name: decibans(ratios[name], today[name]) for name in today}
        again = by_strength(weights)
        if again == order or again in tried:
            return Fitted(weights, ratios, stable=again == order)
        order = again


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


def decibans(ratio: Ratio, sign: float) -> float:
    """Return what a ratio weighs: to a tenth, at most 8 either way.

    Nothing where it speaks against the sign, or where the piece never counted: smoothing alone is no evidence.
    """
    if ratio.decibans * sign <= 0 or not ratio.true + ratio.false:
        return 0.0
    return copysign(min(round(abs(ratio.decibans), 1), AT_MOST_DECIBANS), sign)


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

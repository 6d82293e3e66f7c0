"""Whether the weights carry over: each organisation judged with weights fitted without any of its shape."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.fit.rankings import JudgedWorld
from bench.fit.together import fit_together
from bench.fit.weights import Groups, Weights, rate
from bench.quality.judge import average_precision
from prefect_cloudtrail.risk import TOLD_FROM

COSTS_AT_MOST = 0.05
MOVES_AT_MOST = 4.0


@dataclass(frozen=True)
class Quality:
    """How good the weights are on one organisation; innocents by judged week."""

    average_precision: float | None
    told_thefts: int
    told_false_a_week: float


@dataclass(frozen=True)
class LeftOut:
    """One organisation: with today's weights, with those fitted on all, and with those fitted without its shape.

    `moved` is the weight that the shape's leaving moves most, and by how many decibans.
    """

    world: JudgedWorld
    today: Quality
    fitted: Quality
    without: Quality
    moved: tuple[str, float]

    @property
    def cost(self) -> float:
        """Average precision lost by not having seen it; negative where it is gained, 0 where there is no theft."""
        return (self.fitted.average_precision or 0.0) - (self.without.average_precision or 0.0)


def quality(world: JudgedWorld, weights: Weights, groups: Groups, prior: float) -> Quality:
    """Return how good these weights are on a world."""
    risks = rate(world.incidents, weights, groups, prior)
    ranked = sorted(
        zip(risks, (each.stands_for for each in world.incidents), strict=True),
        key=lambda pair: (-pair[0], bool(pair[1])),
    )
    told = [stands_for for risk, stands_for in ranked if risk >= TOLD_FROM]
    return Quality(
        average_precision=average_precision((stands_for for _, stands_for in ranked), world.thefts),
        told_thefts=len(frozenset[int]().union(*told)),
        told_false_a_week=sum(not stands_for for stands_for in told) / world.weeks,
    )


def leave_out(
    worlds: Sequence[JudgedWorld], fitted: Weights, today: Weights, groups: Groups, prior: float
) -> list[LeftOut]:
    """Return each world as it is with weights fitted on those of other shapes; on all others where there is one shape.

    Args:
        worlds: all of them.
        fitted: on all of them.
        today: the weights as they stand; their signs are kept.
        groups: of each piece.
        prior: decibans.
    """
    found = []
    for world in worlds:
        others = [other for other in worlds if other.shape != world.shape]
        others = others or [other for other in worlds if other is not world]
        without = fit_together([each for other in others for each in other.incidents], today, groups, prior)
        moves = {name: without[name] - weight for name, weight in fitted.items()}
        most = max(moves, key=lambda name: abs(moves[name]))
        found.append(
            LeftOut(
                world,
                quality(world, today, groups, prior),
                quality(world, fitted, groups, prior),
                quality(world, without, groups, prior),
                (most, moves[most]),
            )
        )
    return found

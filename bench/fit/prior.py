"""The prior at which risks are honest: their mean is the share of thefts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from prefect_cloudtrail.risk import TOLD_FROM, probability

WIDEST_DECIBANS = 100.0
NARROWEST_DECIBANS = 0.001

Weighed = tuple[float, bool]  # decibans of the evidence, and whether it was a theft's


@dataclass(frozen=True)
class Calibration:
    """Some incidents: what they are rated on average, how many are thefts, and the prior that makes both equal.

    `prior` is None where all of them are thefts, or none is: no prior is high or low enough then.
    """

    incidents: float
    thefts: float
    mean_risk: float
    prior: float | None

    @property
    def share(self) -> float:
        """How many of them are thefts, 0 to 1."""
        return self.thefts / self.incidents


def calibrate(weighed: Sequence[Weighed], prior: float, theft_counts: float = 1.0) -> Calibration | None:
    """Return how honest the risks are at this prior, and the prior at which they would be; None without an incident.

    Args:
        weighed: the incidents.
        prior: decibans.
        theft_counts: as how many incidents a theft counts; below 1 where thefts are denser here than they are thought
            to be.
    """
    if not weighed:
        return None
    amounts = [theft_counts if true else 1.0 for _, true in weighed]
    thefts = theft_counts * sum(true for _, true in weighed)

    def mean_risk(at: float) -> float:
        risks = (amount * probability(at + db) for amount, (db, _) in zip(amounts, weighed, strict=True))
        return sum(risks) / sum(amounts)

    honest = None
    if 0 < thefts < sum(amounts):
        low, high = -WIDEST_DECIBANS, WIDEST_DECIBANS
        while high - low > NARROWEST_DECIBANS:
            middle = (low + high) / 2
            low, high = (middle, high) if mean_risk(middle) < thefts / sum(amounts) else (low, middle)
        honest = round((low + high) / 2, 2)
    return Calibration(sum(amounts), thefts, mean_risk(prior), honest)


def told(weighed: Sequence[Weighed], prior: float) -> tuple[list[Weighed], list[Weighed]]:
    """Return the incidents that are told at this prior, and the others."""
    above = [each for each in weighed if probability(prior + each[0]) >= TOLD_FROM]
    below = [each for each in weighed if probability(prior + each[0]) < TOLD_FROM]
    return above, below


def theft_counts(weighed: Sequence[Weighed], prior: float) -> float:
    """Return as how many incidents a theft must count for thefts to be as rare among them as the prior says.

    Raises:
        ZeroDivisionError: there is no theft.
    """
    thefts = sum(true for _, true in weighed)
    return math.pow(10, prior / 10) * (len(weighed) - thefts) / thefts

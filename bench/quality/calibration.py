"""Whether a risk of a fifth means a fifth: incidents by risk, and how many of them were thefts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# The policy's own limits, the wide bands halved.
LIMITS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)

Rated = tuple[float, bool]  # risk, and whether it was a theft's


@dataclass(frozen=True)
class Band:
    """The incidents of one band of risk, from `low` on to below `high`; the last band has its end, too."""

    low: float
    high: float
    incidents: int
    thefts: int
    mean_risk: float

    @property
    def share(self) -> float:
        """How many of them were thefts, 0 to 1."""
        return self.thefts / self.incidents


def bands(rated: Sequence[Rated]) -> list[Band]:
    """Return the bands that hold an incident, the lowest first."""
    found = []
    for low, high in pairwise(LIMITS):
        inside = [(risk, true) for risk, true in rated if low <= risk < high or risk == high == LIMITS[-1]]
        if inside:
            thefts = sum(true for _, true in inside)
            found.append(Band(low, high, len(inside), thefts, sum(risk for risk, _ in inside) / len(inside)))
    return found

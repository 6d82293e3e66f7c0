"""What each piece of evidence is worth, counted: how often it holds for thefts and how often for innocents."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.quality.judge import Ranked
from prefect_cloudtrail.evidence import pieces

# Three seen and three not, on either side, before anything is counted: so that little says little.
SEEN_BEFORE = 3
COUNTED_BEFORE = 6


@dataclass(frozen=True)
class Ratio:
    """How often a piece of evidence held, whether or not it was the strongest of its group."""

    name: str
    true: int
    all_true: int
    false: int
    all_false: int

    @property
    def decibans(self) -> float:
        """The smoothed likelihood ratio."""
        for_thefts = (self.true + SEEN_BEFORE) / (self.all_true + COUNTED_BEFORE)
        for_innocents = (self.false + SEEN_BEFORE) / (self.all_false + COUNTED_BEFORE)
        return 10 * math.log10(for_thefts / for_innocents)


def ratios(rankings: Iterable[Sequence[Ranked]]) -> list[Ratio]:
    """Return each piece's likelihood ratio over all these incidents, what speaks most for a theft first."""
    incidents = [each for ranking in rankings for each in ranking]
    true = Counter(name for each in incidents if each.stands_for for name in each.raised.evidence)
    false = Counter(name for each in incidents if not each.stands_for for name in each.raised.evidence)
    all_true = sum(bool(each.stands_for) for each in incidents)
    all_false = len(incidents) - all_true
    found = [Ratio(name, true[name], all_true, false[name], all_false) for name in pieces()]
    return sorted(found, key=lambda ratio: (-ratio.decibans, ratio.name))

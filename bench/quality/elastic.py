"""Elastic's record score for `rare by event.action partition city`, re-implemented from reading its source.

None of Elastic's code runs here, and this is not Elastic's output. For each city apart, a model counts in how many
60-minute buckets each command was seen, slowly forgetting. A command's probability is the share of all commands no more
common than it, averaged over what its true share may be. One normaliser for all of them turns probabilities into record
scores of 0 to 100. Simpler than the original: exact quantiles instead of a digest, no influencers, and scores as they
are first given, never rewritten later.
"""

import bisect
import math
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

Floats = NDArray[np.float64]

BUCKET_SECONDS = 3600
# A bucket. The rate is one for buckets of half an hour and more; the normaliser's is twice that, for each half hour.
MODEL_DECAY = math.exp(-0.0005)
MAXIMUM_DECAY = math.exp(-2 * 0.0005 * BUCKET_SECONDS / 1800)
FORGET_AFTER_BUCKETS = 50
RECORDED_BELOW = 0.035

SIGNIFICANT = 0.05
SMALL = 1e-4
MINUSCULE = 1e-50
TINIEST = sys.float_info.min

# Percentile of a raw score among all so far, and the score it may be given at most.
PERCENTILES = (0.0, 70.0, 85.0, 90.0, 95.0, 97.0, 99.0, 99.9, 100.0)
AT_MOST = (0.0, 1.0, 1.2, 1.5, 3.0, 20.0, 50.0, 90.0, 100.0)
CONFIDENCE = (0.15, 0.85)
# How many slices a share's distribution is cut into: the fewer, the more is known.
SLICES = ((100, 7), (1_000, 5), (10_000, 3))
SHARE_MARGIN = 1.05
TIED = 1 + 1e-12
DISCRETE = 1000


@dataclass(frozen=True)
class Record:
    """One scored (bucket, city, command); `bucket` in epoch seconds, `score` 0 to 100."""

    bucket: int
    city: str
    action: str
    score: float


def rare_commands(cells: Iterable[tuple[int, str, str]]) -> Iterator[Record]:
    """Yield the records of every improbable command, bucket by bucket.

    Args:
        cells: the (bucket, city, command) that were seen, each once or more, in any order; buckets in epoch seconds.
    """
    buckets: defaultdict[int, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for bucket, city, action in cells:
        buckets[bucket][city].add(action)
    if not buckets:
        return
    cities: defaultdict[str, CityModel] = defaultdict(CityModel)
    normaliser = Normaliser()
    for bucket in range(min(buckets), max(buckets) + BUCKET_SECONDS, BUCKET_SECONDS):
        found: list[tuple[str, str, float]] = []
        for city, actions in buckets.get(bucket, {}).items():
            cities[city].learn(actions)
            probabilities = cities[city].probabilities(sorted(actions))
            found += [(city, action, probability) for action, probability in probabilities.items()]
        normaliser.age()
        for city, action, probability in found:
            normaliser.learn((city, action), raw_score(probability) if probability <= RECORDED_BELOW else 0.0)
        for city, action, probability in found:
            if probability < RECORDED_BELOW:
                yield Record(bucket, city, action, normaliser.score((city, action), raw_score(probability)))


def raw_score(probability: float) -> float:
    """Return the score before it is normalised: 0 from 5 % on, 1 at 1e-4, 50 at 1e-50, 100 at the smallest float."""
    p = max(probability, TINIEST)
    if p >= SIGNIFICANT:
        return 0.0
    if p >= SMALL:
        return (1 / p - 1 / SIGNIFICANT) / (1 / SMALL - 1 / SIGNIFICANT)
    if p >= MINUSCULE:
        return 1 + 49 * math.log(SMALL / p) / math.log(SMALL / MINUSCULE)
    return 50 + 50 * (math.log(MINUSCULE) - math.log(p)) / (math.log(MINUSCULE) - math.log(TINIEST))


def probability_of(raw: float) -> float:
    """Return the probability that has this raw score, for scores up to 50."""
    if raw <= 0:
        return (1 + SIGNIFICANT) / 2
    if raw <= 1:
        return 1 / (1 / SIGNIFICANT + (1 / SMALL - 1 / SIGNIFICANT) * raw)
    return math.exp(math.log(SMALL) - math.log(SMALL / MINUSCULE) * (raw - 1) / 49)


class CityModel:
    """How often each command was seen in one city, in buckets, the older ones counting less."""

    def __init__(self) -> None:
        self._buckets: dict[str, float] = {}

    def learn(self, actions: Collection[str]) -> None:
        """Count one bucket with these commands."""
        for action in actions:
            self._buckets[action] = self._buckets.get(action, 0.0) + 1.0
        for action in self._buckets:
            self._buckets[action] *= MODEL_DECAY

    def probabilities(self, actions: Iterable[str]) -> dict[str, float]:
        """Return for each command the probability of one no more common."""
        total = sum(self._buckets.values())
        shares: Floats = np.sort(np.fromiter(self._buckets.values(), float)) / total
        # Equally common commands share the sum at the top of their run.
        tops = np.append(np.flatnonzero(shares[1:] > shares[:-1] * TIED), len(shares) - 1)
        common = np.concatenate(([0.0], shares[tops]))
        no_more_common = np.concatenate(([0.0], np.cumsum(shares)[tops]))
        slices = next((count for limit, count in SLICES if total <= limit), 1)
        found = {}
        for action in actions:
            seen = self._buckets[action]
            possible = SHARE_MARGIN * slice_means(seen, total - seen, slices)
            found[action] = min(1.0, float(np.mean(np.interp(possible, common, no_more_common))))
        return found


def slice_means(a: float, b: float, count: int) -> Floats:
    """Return the means of a beta distribution's `count` equally probable slices; its own mean where it has none."""
    mean = a / (a + b)
    if count == 1 or a <= 0 or b <= 0:
        return np.array([mean])
    edges = betaincinv(a, b, np.arange(1, count) / count)
    below = np.concatenate(([0.0], betainc(a + 1, b, edges), [1.0]))
    return np.asarray(mean * count * np.diff(below), dtype=np.float64)


class Normaliser:
    """Raw scores so far, and what a new one is worth among them."""

    def __init__(self) -> None:
        self._zeros = 0
        self._positive: list[int] = []  # in thousandths, sorted
        self._highest: dict[tuple[str, str], float] = {}
        self._idle: dict[tuple[str, str], int] = {}

    def age(self) -> None:
        """Begin a bucket: every maximum decays, and one not renewed for 50 buckets is forgotten."""
        for key in list(self._highest):
            self._highest[key] *= MAXIMUM_DECAY
            self._idle[key] += 1
            if self._idle[key] > FORGET_AFTER_BUCKETS:
                del self._highest[key], self._idle[key]

    def learn(self, key: tuple[str, str], raw: float) -> None:
        """Count one raw score of a (city, command)."""
        self._highest[key] = max(self._highest.get(key, 0.0), raw)
        self._idle[key] = 0
        thousandths = int(DISCRETE * raw + 0.5)
        if thousandths:
            bisect.insort(self._positive, thousandths)
        else:
            self._zeros += 1

    def score(self, key: tuple[str, str], raw: float) -> float:
        """Return the record score, 0 to 100: the least of four limits."""
        if raw <= 0 or not self._count:
            return 0.0
        thousandths = int(DISCRETE * raw + 0.5)
        limits = (
            self._by_noise(thousandths),
            self._by_percentile(thousandths),
            self._by_highest(key, raw),
            100 * (0.05 + 0.95 * math.log(SIGNIFICANT / probability_of(raw)) / math.log(SIGNIFICANT / SMALL)),
        )
        return min(*limits, 100.0)

    @property
    def _count(self) -> int:
        return self._zeros + len(self._positive)

    def _by_noise(self, thousandths: int) -> float:
        """At most a hundredth a thousandth above the median, unless nearly everything scores nothing."""
        silent = self._zeros / self._count
        middle = int(0.5 * self._count) - self._zeros
        median = 0 if silent >= 0.5 else self._positive[min(len(self._positive) - 1, max(0, middle))]  # noqa: PLR2004
        return max(1 + 0.01 * (thousandths - median), 0) + 100 * max(2 * min(2 * silent, 1) - 1, 0)

    def _by_percentile(self, thousandths: int) -> float:
        below = bisect.bisect_left(self._positive, thousandths) + (self._zeros if thousandths else 0)
        at = 100 * betaincinv(below + 1 / 3, self._count - below + 1 / 3, np.array(CONFIDENCE))
        return float(np.mean(np.interp(at, PERCENTILES, AT_MOST)))

    def _by_highest(self, key: tuple[str, str], raw: float) -> float:
        """Less where the same command scored higher in the same city of late."""
        highest = self._highest.get(key, 0.0)
        if highest <= 0:
            return 100.0
        ratio = raw / highest
        return 100 * min(1.5 * ratio, 0.5 + 0.5 * ratio)

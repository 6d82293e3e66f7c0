"""How many distinct error messages to expect in a quarter of an hour, and how surprising more are.

The rate is Gamma-Poisson: what was counted, decayed, over the time it was counted in, shrunk towards a wider rate: that
of all hours, of this hour of the day, and after three weeks of this hour of the week. Errors come in bursts, so a count
is forecast as negative binomial with a shape that never grows past a few, and nothing is forecast below a small floor.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from prefect_cloudtrail.history import HALF_LIFE_DAYS

HOURS_OF_DAY = 24
HOURS_OF_WEEK = 168
QUARTERS_A_DAY = 96
WEEKLY_FROM_DAYS = 21
# Before anything was counted: a message in ten quarters, believed like two hours of counting.
PRIOR_MEAN = 0.1
PRIOR_QUARTERS = 8.0
LEAST_SHAPE, MOST_SHAPE = 0.5, 5.0
NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class Forecast:
    """Messages expected in one quarter of an hour; `shape` of the negative binomial, `by` the finest rate behind it."""

    mean: float
    shape: float
    by: str


def forecast(counted: Mapping[int, float], hour_of_week: int, days: int) -> Forecast:
    """Return what to expect in a quarter of this hour.

    Args:
        counted: decayed distinct messages by hour of the week, 0 to 167, a message once a quarter.
        hour_of_week: 0 is Monday from midnight UTC on.
        days: how long ago the first of them was.
    """
    decay = 2 ** (-1 / HALF_LIFE_DAYS)
    quarters = QUARTERS_A_DAY * decay * (1 - decay**days) / (1 - decay)
    hour = hour_of_week % HOURS_OF_DAY
    steps = [("all hours", sum(counted.values()), quarters)]
    of_day = sum(amount for each, amount in counted.items() if each % HOURS_OF_DAY == hour)
    steps.append(("hour of the day", of_day, quarters / HOURS_OF_DAY))
    if days >= WEEKLY_FROM_DAYS:
        steps.append(("hour of the week", counted.get(hour_of_week, 0.0), quarters / HOURS_OF_WEEK))
    mean, shape, by = PRIOR_MEAN, 0.0, ""
    for name, amount, time in steps:
        shape = mean * PRIOR_QUARTERS + amount
        mean, by = shape / (PRIOR_QUARTERS + time), name
    return Forecast(max(mean, PRIOR_MEAN), min(max(shape, LEAST_SHAPE), MOST_SHAPE), by)


def surprise(count: int, expected: Forecast) -> float:
    """Return how surprising this many messages or more are, in decibans, 0 and up."""
    chance = expected.mean / (expected.mean + expected.shape)
    log_first = (
        math.lgamma(count + expected.shape)
        - math.lgamma(expected.shape)
        - math.lgamma(count + 1)
        + expected.shape * math.log1p(-chance)
        + count * math.log(chance)
    )
    # The tail over its first term: each term is the one before, times a factor that falls towards `chance`.
    ratio, total, at = 1.0, 1.0, count
    while ratio > NEGLIGIBLE * total:
        ratio *= chance * (at + expected.shape) / (at + 1)
        total += ratio
        at += 1
    return max(0.0, -10 * (log_first + math.log(total)) / math.log(10))

import math

import pytest

from prefect_cloudtrail.forecast import PRIOR_MEAN, Forecast, forecast, surprise


def test_nothing_counted_is_forecast_as_the_floor() -> None:
    assert forecast({}, 12, 60).mean == PRIOR_MEAN


def test_a_steady_rate_is_forecast_as_it_is() -> None:
    decayed = sum(0.5 ** (day / 30) for day in range(1, 61))
    steady = dict.fromkeys(range(168), 4 * 5 * decayed / 7)
    assert forecast(steady, 12, 60).mean == pytest.approx(5, rel=0.05)


@pytest.mark.parametrize(("days", "by"), [(20, "hour of the day"), (21, "hour of the week")])
def test_the_hour_of_the_week_is_asked_after_three_weeks(days: int, by: str) -> None:
    assert forecast({}, 12, days).by == by


def test_an_hour_apart_is_forecast_apart() -> None:
    nightly = {day * 24 + 3: 40.0 for day in range(7)}
    assert forecast(nightly, 3, 30).mean > 10 * forecast(nightly, 12, 30).mean


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_tail_is_that_of_the_negative_binomial(count: int) -> None:
    expected = Forecast(mean=2.0, shape=1.0, by="")  # a geometric distribution: its tail is q to the count
    assert surprise(count, expected) == pytest.approx(-10 * count * math.log10(2 / 3))


def test_more_messages_are_more_surprising_and_no_messages_are_no_surprise() -> None:
    found = [surprise(count, Forecast(0.1, 0.5, "")) for count in range(40)]
    assert found[0] == pytest.approx(0, abs=1e-9)
    assert found == sorted(found)


def test_a_rate_well_known_is_still_bursty() -> None:
    busy = dict.fromkeys(range(168), 1000.0)
    expected = forecast(busy, 12, 60)
    assert surprise(int(1.5 * expected.mean), expected) < 25.8 < surprise(int(5 * expected.mean), expected)

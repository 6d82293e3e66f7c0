"""An account's silence is told where it is unusual for that account, and hardly ever where it is not."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from store.case_builders import rows

from prefect_cloudtrail.silence import TRAIL, Deliveries, OwnHours, delivered, learned, silences, span
from prefect_cloudtrail.store import OBJECT

ACCOUNT, OTHER = "111122223333", "444455556666"
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
MONTH = 30 * DAY


def known(moments: list[datetime], account: str = ACCOUNT) -> Deliveries:
    [found] = learned({}, {account: moments})
    return found


def every(step: timedelta, days: float, start: datetime = MONDAY) -> list[datetime]:
    return [start + number * step for number in range(int(days * DAY / step) + 1)]


# --- what is said -----------------------------------------------------------------------------------------------------


def test_a_silence_longer_than_ever_says_how_long_and_how_long_it_never_was() -> None:
    moments = [each for each in every(5 * MINUTE, 28) if not 0 < (each - MONDAY - DAY) / MINUTE < 55]
    [found] = silences([known(moments)], moments[-1] + 190 * MINUTE)
    assert found.sentence() == (
        "account 111122223333 delivered nothing for 3 h 10 min, since 2026-02-02 00:00 UTC; "
        "in the 28 days before it was never silent for more than 55 min"
    )


@pytest.mark.parametrize(("minutes", "told"), [(60, False), (61, True)])
def test_the_limit_is_half_as_long_again_and_a_quarter_of_an_hour(minutes: int, told: bool) -> None:
    moments = every(5 * MINUTE, 28)
    assert bool(silences([known(moments)], moments[-1] + minutes * MINUTE)) == told


@pytest.mark.parametrize(("days", "told"), [(13.9, False), (14, True)])
def test_an_account_of_which_two_weeks_are_not_known_is_not_told_of(days: float, told: bool) -> None:
    moments = every(5 * MINUTE, days - 0.5)
    assert bool(silences([known(moments)], MONDAY + days * DAY)) == told


def test_work_in_the_day_is_missed_within_hours_not_after_a_weekend() -> None:
    moments = [each for each in every(10 * MINUTE, 28) if each.weekday() < 5 and 8 <= each.hour < 18]
    monday = MONDAY + 28 * DAY
    moments = [each for each in moments if each < monday]
    assert silences([known(moments)], monday + 8 * HOUR + 50 * MINUTE) == []
    [found] = silences([known([*moments, monday + 8 * HOUR])], monday + 9 * HOUR + 1 * MINUTE)
    assert found.sentence() == (
        "account 111122223333 delivered nothing for 1 h 1 min, since 2026-02-02 08:00 UTC; in the 28 days before it "
        "was never silent for more than 30 min of the hours of the week in which it usually delivers"
    )


def test_the_whole_trail_is_one_silence_not_one_an_account() -> None:
    moments = every(5 * MINUTE, 28)
    accounts = [known(moments, f"{number:012}") for number in range(100)]
    found = silences([*accounts, known(moments, TRAIL)], moments[-1] + 2 * HOUR)
    assert [each.account for each in found] == [TRAIL]
    assert found[0].sentence().startswith("the trail, all its accounts, delivered nothing for 2 h, since ")


def test_after_an_outage_of_the_whole_trail_no_account_is_told_of_for_coming_back_later() -> None:
    moments = every(5 * MINUTE, 28)
    begun = moments[-1]
    outage = (begun, begun + 6 * HOUR)
    both = [known(moments), known([*moments, outage[1]], OTHER), known([*moments, outage[1]], TRAIL)]
    assert silences(both, outage[1] + 10 * MINUTE, outage) == []
    assert [each.account for each in silences(both[:1], outage[1] + 61 * MINUTE, outage)] == [ACCOUNT]


def test_an_outage_that_was_told_is_nobodys_usual() -> None:
    moments = every(5 * MINUTE, 20)
    outage = (moments[-1], moments[-1] + 6 * HOUR)
    again = [*moments, *every(5 * MINUTE, 3, outage[1])]
    assert silences([known(again, TRAIL)], again[-1] + 2 * HOUR) == []
    assert len(silences([known(again, TRAIL)], again[-1] + 2 * HOUR, outage)) == 1


# --- what is known ----------------------------------------------------------------------------------------------------


def test_in_which_order_and_how_often_deliveries_become_known_never_matters() -> None:
    chance = random.Random(7)  # noqa: S311 - not for secrets
    moments = [MONDAY + chance.randrange(40 * 288) * 5 * MINUTE for _ in range(1_500)]
    whole = known(moments)
    for _ in range(5):
        chance.shuffle(moments)
        parts: dict[str, Deliveries] = {}
        for start in range(0, len(moments), 100):
            parts = {each.account: each for each in learned(parts, {ACCOUNT: moments[start : start + 130]})}
        assert parts[ACCOUNT] == whole
    assert len(whole.gaps) > 100


def test_who_delivered_is_read_from_the_names_of_objects() -> None:
    at = MONDAY
    names = [
        f"AWSLogs/o-abc/{ACCOUNT}/CloudTrail/eu-central-1/2026/01/05/{ACCOUNT}_CloudTrail_eu-central-1_x.json.gz",
        f"{OTHER}_CloudTrail_us-east-1_y.json.gz",
        f"lookup/{OTHER}/eu-west-1/{OTHER}_lookup_eu-west-1_z.json",
        "copied.json",
    ]
    held = [
        {"log.file.path": name, "delivered": at + number * HOUR, "events": 0 if "lookup" in name else 1}
        for number, name in enumerate(names)
    ]
    found = delivered(rows(OBJECT, *held))
    assert found == {ACCOUNT: [at], OTHER: [at + HOUR], TRAIL: [at, at + HOUR]}
    assert delivered(pl.DataFrame(schema=OBJECT)) == {}


def test_own_hours_are_those_with_deliveries_in_two_of_three_weeks() -> None:
    weeks = [MONDAY + week * 7 * DAY for week in range(4)]
    moments = [*(week + 9 * HOUR for week in weeks[:3]), *(week + 11 * HOUR for week in weeks[:2])]
    own = OwnHours.of(known([MONDAY, *moments, MONDAY + 28 * DAY]))
    assert own.within((MONDAY + 28 * DAY + 9 * HOUR + 15 * MINUTE, MONDAY + 43 * DAY)) == 3 * HOUR - 15 * MINUTE
    # Its own week left out, the third one delivered at nine in two of three weeks, and at eleven in two of three.
    assert own.within((weeks[3], weeks[3] + DAY), past=True) == 2 * HOUR


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0, "0 min"), (55, "55 min"), (60, "1 h"), (190, "3 h 10 min"), (1500, "1 day 1 h"), (4320, "3 days")],
)
def test_a_span_is_said_in_its_two_largest_units(minutes: int, said: str) -> None:
    assert span(minutes * MINUTE) == said


# --- false alarms -----------------------------------------------------------------------------------------------------


def steady(chance: random.Random, end: datetime) -> Iterator[datetime]:
    at = MONDAY
    while at < end:
        yield at
        at += 5 * MINUTE * chance.choice([1, 1, 1, 1, 2, 3])


def office(chance: random.Random, end: datetime) -> Iterator[datetime]:
    day = MONDAY
    while day < end:
        if day.weekday() < 5 and chance.random() > 0.03:  # now and then a holiday
            at, evening = day + chance.gauss(8.5, 0.5) * HOUR, day + chance.gauss(17.5, 0.7) * HOUR
            while at < evening:
                yield at
                at += 5 * MINUTE + chance.expovariate(1 / 12) * MINUTE
        day += DAY


def bursty(chance: random.Random, end: datetime) -> Iterator[datetime]:
    at = MONDAY
    while at < end:
        for _ in range(chance.randint(3, 60)):
            at += 5 * MINUTE * chance.randint(1, 3)
            yield at
        at += chance.lognormvariate(0.7, 1) * HOUR


def sparse(chance: random.Random, end: datetime) -> Iterator[datetime]:
    at = MONDAY
    while at < end:
        at += chance.expovariate(1 / 40) * HOUR
        yield at


def nightly(chance: random.Random, end: datetime) -> Iterator[datetime]:
    day = MONDAY
    while day < end:
        yield day + 2 * HOUR + chance.randint(0, 20) * MINUTE
        day += DAY


@pytest.mark.parametrize("habit", [steady, office, bursty, sparse, nightly])
def test_a_false_alarm_is_at_most_about_one_a_month_an_account(
    habit: Callable[[random.Random, datetime], Iterator[datetime]],
) -> None:
    alarms, months = 0, 0.0
    for seed in range(8):
        moments = sorted(habit(random.Random(seed), MONDAY + 90 * DAY))  # noqa: S311 - not for secrets
        so_far, since = known(moments[:1]), 1
        for number, (last, moment) in enumerate(pairwise(moments), 1):
            if moment - last > HOUR:
                [so_far] = learned({ACCOUNT: so_far}, {ACCOUNT: moments[since - 1 : number]})
                since = number
                # Just before it delivers again: if ever this gap is told, it is by then.
                alarms += bool(silences([so_far], moment - timedelta(seconds=1)))
        months += (moments[-1] - MONDAY - 14 * DAY) / MONTH
    assert alarms / months <= 1.2, f"{alarms} in {months:.0f} months"

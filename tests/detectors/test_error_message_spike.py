import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from frames import NOON, call, colleagues, days, find, history, placed

from prefect_cloudtrail import schema
from prefect_cloudtrail.detectors import error_message_spike as detector
from prefect_cloudtrail.rarity import sightings

PAST = [*days(40), *colleagues(5)]


def errors(count: int, *, at: datetime = NOON, **other: Any) -> list[dict[str, Any]]:
    """Return calls in the quarter of an hour that begins then, each refused with a message of its own."""
    refused = {"aws.cloudtrail.error_code": "AccessDenied"}
    return [
        call(at=at + timedelta(seconds=number), **other) | refused | {"aws.cloudtrail.error_message": f"no {number}"}
        for number in range(count)
    ]


def steady(hour: Iterable[int], a_quarter: int, days_before: int) -> list[dict[str, Any]]:
    midnight = NOON.replace(hour=0)
    return [
        row
        for day in range(1, days_before + 1)
        for each in hour
        for minutes in (0, 15, 30, 45)
        for row in errors(a_quarter, at=midnight - timedelta(days=day) + timedelta(hours=each, minutes=minutes))
    ]


def test_error_message_spike_fires_on_twelve_messages_in_a_quarter() -> None:
    (row,) = find(detector, errors(12), PAST).iter_rows(named=True)
    assert (row["outcome"], row["level"], row["command"]) == ("12:00", "messages", "ec2:DescribeInstances")
    assert json.loads(row["counts"])["forecast"] == {
        "context": "principal",
        "messages": 12,
        "expected": 0.1,
        "by": "hour of the day",
    }


def test_nothing_is_found_in_nothing() -> None:
    assert find(detector, [], PAST).schema == schema.FINDING


@pytest.mark.parametrize(("messages", "rows"), [(1, 0), (2, 0), (3, 1)])
def test_a_slip_or_two_are_no_spike(messages: int, rows: int) -> None:
    assert find(detector, errors(messages), PAST).height == rows


def test_the_same_message_again_and_again_is_one() -> None:
    again = [row | {"aws.cloudtrail.error_message": "no"} for row in errors(40)]
    assert find(detector, again, PAST).is_empty()


def test_an_error_without_a_message_counts_by_its_code() -> None:
    codes = [
        row | {"aws.cloudtrail.error_message": None, "aws.cloudtrail.error_code": f"Code{number}"}
        for number, row in enumerate(errors(12))
    ]
    assert find(detector, codes, PAST).height == 1


@pytest.mark.parametrize("same", [True, False])
def test_a_steady_138_an_hour_is_no_spike(same: bool) -> None:
    past, now = steady(range(24), 35, 10), errors(35)
    if same:
        past, now = ([row | {"aws.cloudtrail.error_message": "no"} for row in rows] for rows in (past, now))
    assert find(detector, now, [*PAST, *past]).is_empty()


def test_an_hour_of_the_day_that_always_has_errors_is_no_spike_and_another_hour_is() -> None:
    nightly = steady([12], 12, 15)
    assert find(detector, errors(12), [*PAST, *nightly]).is_empty()
    assert find(detector, errors(12, at=NOON + timedelta(hours=6)), [*PAST, *nightly]).height == 1


def test_a_quarter_is_found_in_the_window_that_makes_it_one() -> None:
    late = [row | {"window": NOON + timedelta(minutes=30)} for row in errors(12)[2:]]
    (found,) = find(detector, [*errors(2), *late], PAST)["window"].to_list()
    assert found == NOON + timedelta(minutes=30)


def test_a_quarter_in_two_runs_is_found_as_in_one() -> None:
    first = errors(2)
    second = [row | {"window": NOON + timedelta(minutes=30)} for row in errors(12)[2:]]
    known = history([*PAST, *first, *second])
    whole = detector.find(sightings(placed([*first, *second]), known), known, schema.empty(schema.PLACES))
    later = detector.find(sightings(placed(second), known), known, schema.empty(schema.PLACES))
    assert later.equals(whole)


def test_a_principal_in_its_first_days_is_judged_by_its_account() -> None:
    new = errors(12, who="new")
    (row,) = find(detector, new, PAST).iter_rows(named=True)
    assert json.loads(row["counts"])["forecast"]["context"] == "account"
    busy_account = [row | {"principal": "arn:aws:iam::111122223333:user/bo"} for row in steady(range(24), 35, 10)]
    assert find(detector, new, [*PAST, *busy_account]).is_empty()


def test_an_account_in_its_first_days_raises_nothing() -> None:
    assert find(detector, errors(12), days(6)).is_empty()

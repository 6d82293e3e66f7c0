from datetime import timedelta
from typing import Any

import pytest
from frames import NOON, call, colleagues, days, find

from prefect_cloudtrail import schema
from prefect_cloudtrail.detectors import unusual_command_for_principal as detector

PAST = [*days(40), *colleagues(5)]
NEW = "iam:CreateUser"


def test_unusual_command_for_principal_fires_on_a_command_it_never_called() -> None:
    found = find(detector, [call(command=NEW)], PAST)
    assert found.select("command", "outcome", "level").rows() == [(NEW, NEW, "command")]


def test_nothing_is_found_in_nothing() -> None:
    assert find(detector, [], PAST).schema == schema.FINDING


@pytest.mark.parametrize(("days_ago", "rows"), [(1, 0), (80, 0), (None, 1)])
def test_a_command_it_called_once_is_known(days_ago: int | None, rows: int) -> None:
    once = [call(command=NEW, at=NOON - timedelta(days=days_ago))] if days_ago else []
    assert find(detector, [call(command=NEW)], [*PAST, *once]).height == rows


def hours(count: int, active_days: int, who: str = "ana") -> list[dict[str, Any]]:
    """Return a call an hour, on each of these days."""
    return [
        call(who=who, at=NOON - timedelta(days=day, hours=hour))
        for day in range(1, active_days + 1)
        for hour in range(count)
    ]


@pytest.mark.parametrize(("active_days", "rows"), [(3, 0), (20, 1)])
def test_what_peers_call_is_surprising_only_for_a_principal_well_known(active_days: int, rows: int) -> None:
    peers = colleagues(5, command=NEW, days_each=3)
    assert find(detector, [call(command=NEW)], [*colleagues(5), *peers, *hours(12, active_days)]).height == rows


def test_a_command_of_all_its_peers_is_less_surprising_than_nobodys() -> None:
    theirs = colleagues(5, command="ec2:RunInstances")
    found = find(detector, [call(command="ec2:RunInstances"), call(command=NEW)], [*PAST, *theirs])
    assert found["command"].to_list() == [NEW]


def test_it_asks_whether_or_not_there_is_an_address() -> None:
    nowhere = dict.fromkeys(("source.ip", "network", "place", "source.geo.country_iso_code"))
    assert find(detector, [call(None, command=NEW) | nowhere], PAST).height == 1


@pytest.mark.parametrize(("active_days", "rows"), [(2, 0), (20, 1)])
def test_a_principal_in_its_first_days_is_judged_by_its_peers(active_days: int, rows: int) -> None:
    past = [*PAST, *colleagues(2, command=NEW), *hours(24, active_days, who="new")]
    assert find(detector, [call(command=NEW, who="new")], past).height == rows


def test_an_organisation_in_its_first_days_raises_nothing() -> None:
    assert find(detector, [call(command=NEW)], days(6)).is_empty()

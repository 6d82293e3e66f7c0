from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from frames import NOON, call, days, east_of, history, placed, places

from prefect_cloudtrail.egress import egress_networks

EXIT = "50.0.66.0/24"


def found(past: list[dict[str, Any]], city: str = "Kyiv", more: Sequence[dict[str, Any]] = ()) -> bool:
    asked = placed([call(city, network=EXIT)]).select("network", "hour", "place")
    return not egress_networks(asked, history(past), places(*more)).is_empty()


def staff(count: int, home: str, home_days: int, exit_days: int, exit_city: str = "Kyiv") -> list[dict[str, Any]]:
    """Return so many people who are at home, and on the network, on so many days each."""
    return [
        row
        for number in range(count)
        for row in (
            *days(home_days, home, who=f"{home}{number}"),
            *days(exit_days, exit_city, who=f"{home}{number}", network=EXIT),
        )
    ]


@pytest.mark.parametrize(("people", "shared"), [(2, False), (3, True)])
def test_a_network_of_three_people_who_live_elsewhere_is_a_shared_exit(people: int, shared: bool) -> None:
    assert found(staff(people, "Berlin", 20, 5)) is shared


def test_who_goes_through_it_every_day_is_at_home_every_day_too() -> None:
    assert found(staff(3, "Berlin", 20, 20))


@pytest.mark.parametrize(("home_days", "shared"), [(12, False), (17, True)])
def test_one_trip_away_makes_nobody_live_there(home_days: int, shared: bool) -> None:
    assert found(staff(3, "Berlin", home_days, 20)) is shared


@pytest.mark.parametrize(("home_days", "shared"), [(18, False), (22, True)])
def test_a_commuter_lives_where_they_are_more_often(home_days: int, shared: bool) -> None:
    west = [row | east_of("Berlin", 100) | {"network": "50.0.1.0/24"} for row in staff(3, "Berlin", home_days, 0)]
    assert found([*west, *staff(3, "Berlin", 0, 20, exit_city="Berlin")], city="Berlin", more=west) is shared


def test_an_office_of_people_who_live_there_is_none() -> None:
    assert not found(staff(4, "Kyiv", 20, 20))


@pytest.mark.parametrize(("locals_", "shared"), [(4, True), (5, False)])
def test_two_in_five_are_enough(locals_: int, shared: bool) -> None:
    assert found([*staff(3, "Berlin", 20, 5), *staff(locals_, "Kyiv", 20, 5)]) is shared


def test_people_near_by_do_not_live_elsewhere() -> None:
    assert not found(staff(4, "Potsdam", 20, 5, exit_city="Berlin"), city="Berlin")


def test_it_is_judged_by_who_was_there_before() -> None:
    later = [row | {"@timestamp": NOON + timedelta(days=1), "hour": NOON + timedelta(days=1)} for row in days(1)]
    assert not found([*staff(2, "Berlin", 20, 5), *later])

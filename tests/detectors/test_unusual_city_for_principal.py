from datetime import timedelta

import pytest
from frames import NOON, call, colleagues, days, east_of, find, user

from prefect_cloudtrail.detectors import unusual_city_for_principal as detector

PAST = [*days(20), *colleagues(5), *colleagues(2, "Austin")]


def test_fires_in_a_city_the_principal_never_was_in() -> None:
    found = find(detector, [call("Kyiv")], PAST)
    assert found.select("rule", "principal", "outcome", "level").rows() == [
        ("unusual_city_for_principal", user("ana"), "Kyiv, 30, UA", "place")
    ]
    assert found["score"][0] >= 50


def test_fires_in_a_city_of_colleagues() -> None:
    assert find(detector, [call("Austin")], PAST).height == 1


def test_is_more_surprised_by_a_city_nobody_knows_than_by_one_of_colleagues() -> None:
    nobody, colleague = find(detector, [call("Kyiv")], PAST), find(detector, [call("Austin")], PAST)
    assert nobody["surprise"][0] > colleague["surprise"][0] + 10


def test_is_silent_at_home() -> None:
    assert find(detector, [call("Berlin")], PAST).is_empty()


def test_is_silent_without_calls() -> None:
    assert find(detector, [], PAST).is_empty()


@pytest.mark.parametrize(("earlier_days", "rows"), [(1, 1), (2, 0)])
def test_a_network_of_two_earlier_days_is_its_own_wherever_it_lies_today(earlier_days: int, rows: int) -> None:
    used = days(earlier_days, "Berlin", network="50.0.5.0/24")
    assert find(detector, [call("Kyiv")], [*PAST, *used]).height == rows


def test_a_colleagues_use_of_a_network_earns_nothing() -> None:
    used = days(5, "Berlin", who="colleague0", network="50.0.5.0/24")
    assert find(detector, [call("Kyiv")], [*PAST, *used]).height == 1


@pytest.mark.parametrize(("kilometres", "rows"), [(49, 0), (51, 1)])
def test_a_place_near_a_usual_one_is_usual(kilometres: float, rows: int) -> None:
    assert find(detector, [call("Berlin") | east_of("Berlin", kilometres)], PAST).height == rows


@pytest.mark.parametrize(("accuracy", "rows"), [(149, 1), (151, 0), (1000, 0)])
def test_near_is_as_wide_as_the_databases_accuracy(accuracy: float, rows: int) -> None:
    far = east_of("Berlin", 150)
    assert find(detector, [call("Berlin") | far | {"source.geo.accuracy_km": accuracy}], PAST).height == rows


def test_an_accuracy_of_half_a_country_makes_nothing_near() -> None:
    far = east_of("Berlin", 300)
    assert find(detector, [call("Berlin") | far | {"source.geo.accuracy_km": 1000.0}], PAST).height == 1


def test_a_row_without_a_city_is_a_country_among_countries() -> None:
    nowhere = {"source.geo.country_iso_code": "UA", "network": "50.0.66.0/24"}
    found = find(detector, [call(None) | nowhere], PAST)
    assert found.select("outcome", "level").rows() == [("UA", "country")]


def test_a_row_without_a_city_in_the_usual_country_is_silent() -> None:
    assert find(detector, [call(None, network="50.0.66.0/24")], PAST).is_empty()


def test_a_row_without_a_country_is_a_network_among_networks() -> None:
    nowhere = {"source.geo.country_iso_code": None, "source.as.number": 64511, "network": "50.0.66.0/24"}
    assert find(detector, [call(None) | nowhere], PAST).select("outcome", "level").rows() == [("AS64511", "asn")]


@pytest.mark.parametrize("kind", ["aws_service", "anonymous"])
def test_nobodys_credential_is_passed_over(kind: str) -> None:
    assert find(detector, [call("Kyiv") | {"principal.kind": kind}], PAST).is_empty()


@pytest.mark.parametrize(("active_days", "rows"), [(2, 0), (20, 1)])
def test_a_principal_in_its_first_days_is_judged_by_its_peers(active_days: int, rows: int) -> None:
    past = [*colleagues(5), *colleagues(2, "Austin"), *days(active_days, "Berlin", who="new")]
    assert find(detector, [call("Austin", who="new")], past).height == rows


@pytest.mark.parametrize(("history_days", "rows"), [(6, 0), (7, 1)])
def test_an_account_in_its_first_days_raises_nothing(history_days: int, rows: int) -> None:
    assert find(detector, [call("Kyiv")], [*days(history_days), *colleagues(5, days_each=history_days)]).height == rows


def test_an_egress_says_nothing_about_where_a_person_is() -> None:
    exit_users = [
        row for number in range(3) for row in days(9, "Kyiv", who=f"colleague{number}", network="50.0.5.0/24")
    ]
    assert find(detector, [call("Kyiv")], PAST).height == 1
    assert find(detector, [call("Kyiv")], [*PAST, *exit_users]).is_empty()


def test_a_listed_egress_says_nothing_either() -> None:
    assert find(detector, [call("Kyiv") | {"network.kind": "egress"}], PAST).is_empty()
    assert find(detector, [call("Kyiv") | {"network.kind": "vpn"}], PAST).height == 1


def test_what_is_held_back_does_not_make_a_place_usual() -> None:
    been = days(2, "Kyiv", network="50.0.88.0/24")
    held = [("user ana", NOON - timedelta(days=2, hours=-1))]
    here = [call("Kyiv", at=NOON - timedelta(hours=1), network="50.0.99.0/24")]
    assert find(detector, here, [*days(60), *been]).is_empty()
    assert find(detector, here, [*days(60), *been], held).height == 1

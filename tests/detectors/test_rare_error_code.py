from datetime import timedelta
from typing import Any

import pytest
from frames import NOON, call, colleagues, days, find

from prefect_cloudtrail import schema
from prefect_cloudtrail.detectors import rare_error_code as detector

PAST = [*days(40), *colleagues(40)]


def failed(code: str = "Client.DryRunOperation", **other: Any) -> dict[str, Any]:
    return call(**other) | {"aws.cloudtrail.error_code": code}


def test_rare_error_code_fires_on_an_error_nobody_met() -> None:
    found = find(detector, [failed()], PAST)
    assert found.select("outcome", "level").rows() == [("Client.DryRunOperation", "error")]


def test_nothing_is_found_in_nothing() -> None:
    assert find(detector, [], PAST).schema == schema.FINDING


def test_a_call_that_succeeds_is_no_rare_error() -> None:
    assert find(detector, [call(command="ec2:RunInstances")], PAST).is_empty()


@pytest.mark.parametrize(("met_on", "rows"), [(1, 1), (2, 0)])
def test_an_error_met_on_two_earlier_days_is_usual(met_on: int, rows: int) -> None:
    met = [failed(at=NOON - timedelta(days=day)) for day in range(1, met_on + 1)]
    assert find(detector, [failed()], [*days(400), *PAST, *met]).height == rows


def test_an_error_usual_for_another_service_is_less_surprising() -> None:
    met = [failed("AccessDenied", at=NOON - timedelta(days=day), command="s3:GetObject") for day in range(1, 20)]
    both = [failed("AccessDenied"), failed()]
    surprises = dict(find(detector, both, [*days(400), *PAST, *met]).select("outcome", "surprise").rows())
    assert surprises.get("AccessDenied", 0.0) < surprises["Client.DryRunOperation"]


def test_it_asks_whether_or_not_there_is_an_address() -> None:
    nowhere = dict.fromkeys(("source.ip", "network", "place", "source.geo.country_iso_code"))
    assert find(detector, [failed() | nowhere], PAST).height == 1


def test_an_organisation_in_its_first_days_raises_nothing() -> None:
    assert find(detector, [failed()], days(6)).is_empty()

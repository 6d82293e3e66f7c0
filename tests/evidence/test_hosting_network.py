import pytest
from frames import a_call, strand

from prefect_cloudtrail.evidence import hosting_network

HOSTED = a_call(organisation="Example Hosting GmbH", kind="hosting")


@pytest.mark.parametrize(
    ("kind", "what"), [("hosting", "a hosting network"), ("vpn", "a VPN"), ("tor", "the Tor network")]
)
def test_a_network_for_rent_speaks_for(kind: str, what: str) -> None:
    hosted = strand(a_call(organisation="Example Hosting GmbH", kind=kind))
    assert hosting_network.explain(hosted) == f"The address belongs to Example Hosting GmbH, {what}."


@pytest.mark.parametrize("kind", [None, "own", "egress"])
def test_any_other_network_is_silent(kind: str | None) -> None:
    assert hosting_network.explain(strand(a_call(kind=kind))) is None


def test_a_machine_is_at_home_there() -> None:
    assert hosting_network.explain(strand(HOSTED, kind="instance_role")) is None


@pytest.mark.parametrize(("days", "holds"), [(1, True), (2, False)])
def test_somebody_often_on_such_networks_is_no_stranger_there(days: int, holds: bool) -> None:
    assert bool(hosting_network.explain(strand(HOSTED, rented_days=days))) is holds

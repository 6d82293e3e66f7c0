import pytest
from frames import a_call, strand

from prefect_cloudtrail.evidence import often_on_rented_networks

HOSTED = a_call(organisation="Example Hosting GmbH", kind="hosting")


@pytest.mark.parametrize(("days", "said"), [(1, None), (2, "A hosting network or VPN, as on 2 earlier days.")])
def test_such_a_network_on_two_earlier_days_speaks_against(days: int, said: str | None) -> None:
    assert often_on_rented_networks.explain(strand(HOSTED, rented_days=days)) == said


def test_a_strangers_line_is_silent() -> None:
    assert often_on_rented_networks.explain(strand(HOSTED, a_call(minutes=1), rented_days=9)) is None

from frames import a_call, strand

from prefect_cloudtrail.evidence import own_network


def test_an_address_of_our_own_speaks_against() -> None:
    assert own_network.explain(strand(a_call(kind="own"))) == "Every address here is listed as our own."


def test_one_address_of_somebody_elses_is_silent() -> None:
    assert own_network.explain(strand(a_call(kind="own"), a_call(minutes=1))) is None

from frames import strand

from prefect_cloudtrail.evidence import network_is_egress


def test_a_shared_exit_speaks_against() -> None:
    assert network_is_egress.explain(strand(egress=frozenset({"50.0.5.0/24"}))) == (
        "The network is shared by people from elsewhere: it says nothing about where this one is."
    )


def test_any_other_network_is_silent() -> None:
    assert network_is_egress.explain(strand(egress=frozenset({"50.0.1.0/24"}))) is None

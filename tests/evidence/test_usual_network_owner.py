from frames import strand

from prefect_cloudtrail.evidence import usual_network_owner


def test_a_provider_it_often_uses_speaks_against() -> None:
    assert usual_network_owner.explain(strand(asns=frozenset({"AS3320"}))) == (
        "Example Broadband is a provider it often uses."
    )


def test_another_provider_is_silent() -> None:
    assert usual_network_owner.explain(strand()) is None

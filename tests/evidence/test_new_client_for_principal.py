from frames import a_call, strand

from prefect_cloudtrail.evidence import new_client_for_principal


def test_a_client_it_never_used_speaks_for() -> None:
    assert new_client_for_principal.explain(strand(a_call(agent="Boto3"))) == "Boto3: a client it never used before."


def test_its_own_client_is_silent() -> None:
    assert new_client_for_principal.explain(strand()) is None


def test_a_short_history_is_silent() -> None:
    assert new_client_for_principal.explain(strand(a_call(agent="Boto3"), active_days=2)) is None

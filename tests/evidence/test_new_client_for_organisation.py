from frames import a_call, strand

from prefect_cloudtrail.evidence import new_client_for_organisation


def test_a_client_nobody_used_speaks_for() -> None:
    assert (
        new_client_for_organisation.explain(strand(a_call(agent="rclone"))) == "rclone: a client nobody here ever used."
    )


def test_a_client_of_a_colleague_is_silent() -> None:
    assert new_client_for_organisation.explain(strand(a_call(agent="Boto3"))) is None

from frames import a_call, strand

from prefect_cloudtrail.evidence import sensitive_commands


def test_what_an_intruder_does_speaks_for() -> None:
    assert sensitive_commands.explain(strand(a_call(command="iam:CreateAccessKey"))) == (
        "TA0003 Persistence: iam:CreateAccessKey, new for it."
    )


def test_what_it_always_did_is_silent() -> None:
    usual = strand(a_call(command="iam:CreateAccessKey"), commands=frozenset({"iam:CreateAccessKey"}))
    assert sensitive_commands.explain(usual) is None

from frames import a_call, strand

from prefect_cloudtrail.evidence import denied_in_a_row


def test_several_commands_refused_speak_for() -> None:
    refused = [a_call(command=f"iam:{name}", error="AccessDenied") for name in ("ListUsers", "ListRoles", "GetUser")]
    assert denied_in_a_row.explain(strand(*refused)) == (
        "3 calls of 3 commands were refused: looking for what the key opens."
    )


def test_one_command_refused_again_and_again_is_silent() -> None:
    assert denied_in_a_row.explain(strand(a_call(error="AccessDenied", events=9))) is None

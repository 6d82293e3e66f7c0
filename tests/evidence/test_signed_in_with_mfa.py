import pytest
from frames import a_call, strand

from prefect_cloudtrail.evidence import signed_in_with_mfa

SIGN_IN = a_call(command="signin:ConsoleLogin", mfa=True, access_key_id=None)


@pytest.mark.parametrize("kind", ["iam_user", "root"])
def test_a_sign_in_with_mfa_from_here_speaks_against(kind: str) -> None:
    assert signed_in_with_mfa.explain(strand(SIGN_IN, kind=kind)) == (
        "Signed in to the console from here at 12:00 UTC, with MFA."
    )


@pytest.mark.parametrize("mfa", [False, None])
def test_one_without_is_silent(mfa: bool | None) -> None:
    without = a_call(command="signin:ConsoleLogin", mfa=mfa)
    assert signed_in_with_mfa.explain(strand(without, kind="iam_user")) is None


def test_a_session_that_began_with_mfa_is_silent() -> None:
    """It may have begun anywhere."""
    assert signed_in_with_mfa.explain(strand(a_call(mfa=True), kind="iam_user")) is None


def test_a_sign_in_elsewhere_is_silent() -> None:
    home = a_call("Berlin", -40, command="signin:ConsoleLogin", mfa=True)
    assert signed_in_with_mfa.explain(strand(elsewhere=[home], kind="iam_user")) is None


def test_a_role_that_opens_the_console_is_silent() -> None:
    assert signed_in_with_mfa.explain(strand(SIGN_IN, kind="sso_user")) is None

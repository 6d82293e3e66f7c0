import pytest
from frames import a_call, strand

from prefect_cloudtrail.evidence import no_mfa

WITHOUT = a_call(mfa=False)


def test_a_session_without_mfa_where_it_always_was_speaks_for() -> None:
    assert no_mfa.explain(strand(WITHOUT, mfa_days=20)) == (
        "A session without MFA; on each of 20 earlier days it had it."
    )


@pytest.mark.parametrize(("mfa_days", "no_mfa_days"), [(4, 0), (20, 1)])
def test_somebody_who_may_go_without_is_silent(mfa_days: int, no_mfa_days: int) -> None:
    assert no_mfa.explain(strand(WITHOUT, mfa_days=mfa_days, no_mfa_days=no_mfa_days)) is None


@pytest.mark.parametrize("mfa", [True, None])
def test_mfa_and_no_session_are_silent(mfa: bool | None) -> None:
    assert no_mfa.explain(strand(a_call(mfa=mfa), mfa_days=20)) is None

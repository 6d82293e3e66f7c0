import pytest
from frames import strand

from prefect_cloudtrail.evidence import woke_up


@pytest.mark.parametrize(("days", "said"), [(20, None), (21, "Silent for 21 days, then active here.")])
def test_weeks_of_silence_speak_for(days: int, said: str | None) -> None:
    assert woke_up.explain(strand(silent_days=days)) == said


def test_somebody_hardly_known_was_not_silent() -> None:
    assert woke_up.explain(strand(silent_days=30, active_days=2)) is None

import pytest
from frames import a_call, strand

from prefect_cloudtrail.evidence import slow_calls


@pytest.mark.parametrize(("minutes", "holds"), [(60, False), (61, True), (180, True)])
def test_calls_over_an_hour_apart_speak_for(minutes: int, holds: bool) -> None:
    calls = [a_call(minutes=minutes * number) for number in range(4)]
    said = slow_calls.explain(strand(*calls))
    assert said == (
        f"4 calls from here, {minutes / 60:.1f} hours apart: slow enough not to be seen." if holds else None
    )


def test_two_calls_have_no_pace() -> None:
    assert slow_calls.explain(strand(a_call(), a_call(minutes=300))) is None


def test_calls_at_once_have_no_pause_between_them() -> None:
    assert slow_calls.explain(strand(a_call(events=9), a_call(minutes=300), a_call(minutes=600))) is None

from frames import a_call, strand

from prefect_cloudtrail.evidence import short_visit


def test_minutes_here_with_home_active_speak_for() -> None:
    visit = strand(a_call(), a_call(minutes=11), elsewhere=[a_call("Berlin", -60 * 20)])
    assert short_visit.explain(visit) == "Here for 11 minutes only, while Berlin was active within 36 hours."


def test_a_stay_is_silent() -> None:
    stay = strand(a_call(), a_call(minutes=95), elsewhere=[a_call("Berlin", -600)])
    assert short_visit.explain(stay) is None


def test_home_silent_is_silent() -> None:
    assert short_visit.explain(strand(elsewhere=[a_call("Berlin", -60 * 37)])) is None

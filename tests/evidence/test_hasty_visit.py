from frames import a_call, strand

from prefect_cloudtrail.evidence import hasty_visit


def test_minutes_here_and_no_time_to_travel_speak_for() -> None:
    hasty = strand(a_call(), a_call(minutes=11), elsewhere=[a_call("Berlin", -30)])
    assert hasty_visit.explain(hasty) == (
        "Here for 11 minutes only. Active in Berlin, 1,205 km away, 30 minutes before."
    )


def test_a_stay_is_silent() -> None:
    assert hasty_visit.explain(strand(a_call(), a_call(minutes=95), elsewhere=[a_call("Berlin", -30)])) is None


def test_time_to_travel_is_silent() -> None:
    assert hasty_visit.explain(strand(a_call(), a_call(minutes=11), elsewhere=[a_call("Berlin", -60 * 20)])) is None

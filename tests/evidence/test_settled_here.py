from frames import a_call, strand

from prefect_cloudtrail.evidence import settled_here


def test_hours_here_with_home_silent_speak_against() -> None:
    trip = strand(a_call(), a_call(minutes=300), elsewhere=[a_call("Berlin", -600)])
    assert (
        settled_here.explain(trip) == "Here for 5 hours, and silent everywhere else since: like somebody who travelled."
    )


def test_home_active_meanwhile_is_silent() -> None:
    trip = strand(a_call(), a_call(minutes=300), elsewhere=[a_call("Berlin", 100)])
    assert settled_here.explain(trip) is None


def test_less_than_four_hours_is_silent() -> None:
    assert settled_here.explain(strand(a_call(), a_call(minutes=239))) is None

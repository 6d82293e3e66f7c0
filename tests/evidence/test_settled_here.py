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


def test_a_call_over_a_shared_exit_breaks_the_silence() -> None:
    exit_too = [a_call("Berlin", 100)]
    trip = strand(a_call(), a_call(minutes=300), elsewhere=exit_too, egress=frozenset({"50.0.1.0/24"}))
    assert settled_here.explain(trip) is None


def test_calls_hours_apart_are_no_stay() -> None:
    assert settled_here.explain(strand(*(a_call(minutes=120 * number) for number in range(5)))) is None


def test_less_than_four_hours_is_silent() -> None:
    assert settled_here.explain(strand(a_call(), a_call(minutes=239))) is None


def test_a_session_that_began_elsewhere_did_not_travel() -> None:
    here = (a_call(access_key_id="ASIAEXAMPLE1"), a_call(minutes=300, access_key_id="ASIAEXAMPLE1"))
    trip = strand(*here, elsewhere=[a_call("Berlin", -600, access_key_id="ASIAEXAMPLE1")])
    assert settled_here.explain(trip) is None

from frames import a_call, strand

from prefect_cloudtrail.evidence import same_temporary_key_elsewhere


def test_a_session_in_two_places_speaks_for() -> None:
    both = strand(
        a_call(access_key_id="ASIAEXAMPLE1"), elsewhere=[a_call("Berlin", -600, access_key_id="ASIAEXAMPLE1")]
    )
    assert (
        same_temporary_key_elsewhere.explain(both) == "The same temporary key …PLE1 is used in Berlin, 1,205 km away."
    )


def test_another_session_is_silent() -> None:
    both = strand(a_call(access_key_id="ASIAEXAMPLE1"), elsewhere=[a_call("Berlin", access_key_id="ASIAEXAMPLE2")])
    assert same_temporary_key_elsewhere.explain(both) is None


def test_a_long_term_key_is_silent() -> None:
    assert same_temporary_key_elsewhere.explain(strand(elsewhere=[a_call("Berlin")])) is None


def test_a_session_that_began_here_is_silent() -> None:
    """Its owner has a tunnel or a machine elsewhere; a thief hands nobody a key."""
    both = strand(a_call(access_key_id="ASIAEXAMPLE1"), elsewhere=[a_call("Berlin", 40, access_key_id="ASIAEXAMPLE1")])
    assert same_temporary_key_elsewhere.explain(both) is None

from frames import a_call, strand

from prefect_cloudtrail.evidence import impossible_travel


def test_home_active_sooner_than_a_flight_speaks_for() -> None:
    home = [a_call("Berlin", -30)]
    assert impossible_travel.explain(strand(elsewhere=home)) == "Active in Berlin, 1,205 km away, 30 minutes before."


def test_home_active_after_a_flight_is_silent() -> None:
    assert impossible_travel.explain(strand(elsewhere=[a_call("Berlin", -60 * 4)])) is None


def test_an_egress_on_one_side_is_silent() -> None:
    home = [a_call("Berlin", -30)]
    assert impossible_travel.explain(strand(elsewhere=home, egress=frozenset({"50.0.1.0/24"}))) is None
    assert impossible_travel.explain(strand(elsewhere=home, egress=frozenset({"50.0.5.0/24"}))) is None


def test_home_active_at_the_same_time_says_so() -> None:
    assert (
        impossible_travel.explain(strand(elsewhere=[a_call("Berlin")]))
        == "Active in Berlin, 1,205 km away, at the same time."
    )


def test_without_a_city_the_country_is_compared() -> None:
    nowhere = a_call(None, country="KE")
    at_home = [a_call(None, -40, country="DE", network="50.0.1.0/24")]
    assert impossible_travel.explain(strand(nowhere, elsewhere=at_home)) == (
        "Active in DE, in another country, 40 minutes before."
    )
    same = [a_call(None, -40, country="KE", network="50.0.1.0/24")]
    assert impossible_travel.explain(strand(nowhere, elsewhere=same)) is None

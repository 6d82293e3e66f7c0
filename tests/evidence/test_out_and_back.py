from frames import a_call, strand

from prefect_cloudtrail.evidence import out_and_back


def test_away_and_back_sooner_than_two_flights_speaks_for() -> None:
    home = [a_call("Berlin", -180), a_call("Berlin", 200)]
    assert (
        out_and_back.explain(strand(elsewhere=home))
        == "Berlin, here, and Berlin again within 6.3 hours; 1,205 km away."
    )


def test_a_trip_of_a_day_is_silent() -> None:
    assert out_and_back.explain(strand(elsewhere=[a_call("Berlin", -600), a_call("Berlin", 900)])) is None


def test_never_back_is_silent() -> None:
    assert out_and_back.explain(strand(elsewhere=[a_call("Berlin", -180)])) is None

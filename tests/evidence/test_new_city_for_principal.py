from frames import BERLIN, a_call, strand

from prefect_cloudtrail.evidence import new_city_for_principal


def test_a_city_never_seen_in_a_long_history_speaks_for() -> None:
    assert (
        new_city_for_principal.explain(strand())
        == "Never seen in Kyiv in 41 active days; usual: Berlin, 1,205 km away."
    )


def test_a_usual_city_is_silent() -> None:
    assert new_city_for_principal.explain(strand(a_call("Berlin"), usual=(BERLIN,))) is None


def test_a_short_history_is_silent() -> None:
    assert new_city_for_principal.explain(strand(active_days=4)) is None


def test_no_city_is_silent() -> None:
    assert new_city_for_principal.explain(strand(a_call(None))) is None

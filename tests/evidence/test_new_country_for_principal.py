from frames import a_call, strand

from prefect_cloudtrail.evidence import new_country_for_principal


def test_a_country_never_seen_in_a_long_history_speaks_for() -> None:
    assert (
        new_country_for_principal.explain(strand())
        == "Never in UA before, in 41 active days; usual: Berlin, 1,205 km away."
    )


def test_a_known_country_is_silent() -> None:
    assert new_country_for_principal.explain(strand(countries=frozenset({"DE", "UA"}))) is None


def test_a_short_history_is_silent() -> None:
    assert new_country_for_principal.explain(strand(active_days=4)) is None


def test_no_country_is_silent() -> None:
    assert new_country_for_principal.explain(strand(a_call(None, country=None))) is None

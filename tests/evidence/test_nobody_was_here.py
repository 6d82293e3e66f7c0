from frames import a_call, strand

from prefect_cloudtrail.evidence import nobody_was_here


def test_a_place_new_to_everybody_speaks_for() -> None:
    assert nobody_was_here.explain(strand()) == "Nobody here was ever in Kyiv, in 60 days."


def test_a_place_somebody_knows_is_silent() -> None:
    assert nobody_was_here.explain(strand(organisation_place_days=1)) is None


def test_no_city_is_silent() -> None:
    assert nobody_was_here.explain(strand(a_call(None))) is None


def test_an_organisation_without_history_is_silent() -> None:
    assert nobody_was_here.explain(strand(organisation_active_days=0)) is None

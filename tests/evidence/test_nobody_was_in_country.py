from frames import strand

from prefect_cloudtrail.evidence import nobody_was_in_country


def test_a_country_new_to_everybody_speaks_for() -> None:
    assert nobody_was_in_country.explain(strand()) == "Nobody here was ever in UA, in 60 days."


def test_a_country_somebody_knows_is_silent() -> None:
    assert nobody_was_in_country.explain(strand(organisation_country_days=2)) is None

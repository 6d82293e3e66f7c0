from frames import a_call, strand

from prefect_cloudtrail.evidence import far_from_usual


def test_over_1000_km_from_every_usual_place_speaks_for() -> None:
    assert far_from_usual.explain(strand()) == "1,205 km from Berlin, the nearest place usual for it."


def test_nearer_is_silent() -> None:
    assert far_from_usual.explain(strand(a_call("Munich"))) is None


def test_nothing_usual_is_silent() -> None:
    assert far_from_usual.explain(strand(usual=())) is None

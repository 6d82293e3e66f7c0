from frames import a_call, strand

from prefect_cloudtrail.evidence import near_usual


def test_a_place_next_to_a_usual_one_speaks_against() -> None:
    assert near_usual.explain(strand(a_call("Potsdam"))) == "Only 26 km from Berlin, which is usual for it."


def test_a_far_place_is_silent() -> None:
    assert near_usual.explain(strand()) is None

from frames import strand

from prefect_cloudtrail.evidence import usual_for_person


def test_a_place_usual_under_another_identity_speaks_against() -> None:
    assert usual_for_person.explain(strand(person_places=frozenset({"Kyiv, 30, UA"}))) == (
        "Kyiv is usual for the same person under another identity."
    )


def test_any_other_place_is_silent() -> None:
    assert usual_for_person.explain(strand(person_places=frozenset({"Austin, TX, US"}))) is None

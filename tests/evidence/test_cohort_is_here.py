from frames import strand

from prefect_cloudtrail.evidence import cohort_is_here


def test_three_others_who_came_together_speak_against() -> None:
    assert cohort_is_here.explain(strand(cohort=3)) == "3 other people first came to this network within 72 hours."


def test_two_are_silent() -> None:
    assert cohort_is_here.explain(strand(cohort=2)) is None

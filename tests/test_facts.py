"""What history says of a strand, as of the hour in which it began."""

from datetime import timedelta

from frames import NOON, call, history, user

from prefect_cloudtrail.facts import Question, facts
from prefect_cloudtrail.schema import PLACES, empty
from prefect_cloudtrail.strand import Facts

KYIV = "Kyiv, 30, UA"


def known(*past: dict[str, object], principal: str = "ana") -> Facts:
    """Return what is known about somebody in Kyiv, at noon."""
    question = Question(user(principal), f"user {principal}", "peers", KYIV, "UA", NOON, ())
    return facts(history(list(past)), empty(PLACES), [question])[0]


def test_the_days_between_visits_end_today() -> None:
    weekly = [call("Kyiv", at=NOON - timedelta(days=days, hours=hours)) for days in (21, 14, 7) for hours in (0, 1)]
    assert known(*weekly).days_between == (7, 7, 7)


def test_a_visit_of_today_is_this_one() -> None:
    assert known(*(call("Kyiv", at=NOON - timedelta(days=days, hours=3)) for days in (7, 0))).days_between == (7,)


def test_days_elsewhere_and_those_of_others_are_no_visit() -> None:
    others = [call("Berlin", at=NOON - timedelta(days=7)), call("Kyiv", who="bo", at=NOON - timedelta(days=7))]
    assert known(*others).days_between == ()

from datetime import timedelta

from asking import a_case, answer
from frames import NOON

from prefect_cloudtrail.context.asked import Stamp

NAME = "time_to"


def test_each_step_is_told_from_the_first_call_on() -> None:
    stamps = (
        Stamp("event", NOON, ""),
        Stamp("delivered", NOON + timedelta(minutes=7), "CloudTrail's delivery"),
        Stamp("told", NOON + timedelta(minutes=95), "the card"),
        Stamp("decided", None, "a person"),
        Stamp("contained", None, "quiet"),
    )
    said = answer(NAME, a_case(stamps=stamps))
    assert said.said == (
        "Delivered 0 h 7 min after the first call, at 2026-03-20 12:07 UTC.",
        "Told 1 h 35 min after the first call, at 2026-03-20 13:35 UTC.",
        "Not yet decided, contained.",
    )
    assert [row["seconds"] for row in said.rows] == [None, 420, 5280, None, None]


def test_a_delivery_that_is_not_known_is_not_guessed() -> None:
    stamps = (Stamp("event", NOON, ""), Stamp("delivered", None, "CloudTrail's delivery"))
    assert answer(NAME, a_case(stamps=stamps)).said == (
        (
            "Could not determine: when it was delivered: no name of an object says so. "
            "Looked at: the names of the log objects."
        ),
    )

from asking import a_case, an_incident, answer
from frames import days

NAME = "time_of_day"


def test_the_hour_is_held_against_its_own_days() -> None:
    assert answer(NAME, a_case(past=days(5))).said == (
        "It began at 12:00 UTC, about 14:00 where it came from; it was active about then on 5 of 5 days.",
    )


def test_without_history_only_the_time_is_told() -> None:
    assert answer(NAME, a_case()).said == (
        "It began at 12:00 UTC, about 14:00 where it came from.",
        "Could not determine: it has no history of hours. Looked at: 90 days of presences.",
    )


def test_automation_keeps_no_hours() -> None:
    case = a_case(incident=an_incident(principal_kind="role"))
    assert answer(NAME, case).said == ("Not asked: it is automation, which keeps no hours.",)

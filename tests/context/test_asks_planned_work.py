from dataclasses import replace
from datetime import timedelta

from asking import a_case, answer, stolen
from entries import an_entry
from frames import NOON

from prefect_cloudtrail.feedback import Feedback, PlannedWork, Scope

NAME = "planned_work"


def test_work_that_somebody_announced_is_told_with_how_much_it_covers() -> None:
    work = an_entry(PlannedWork, Scope(account="111122223333", command="iam:*"))
    work = replace(work, since=NOON - timedelta(hours=1), until=NOON + timedelta(hours=1))
    case = a_case(stolen(), stolen("ec2:RunInstances"), feedback=Feedback(entries=(work,)))
    assert answer(NAME, case).said == (f"Planned work covers 1 of 2 calls: {work.why}, entered by {work.by}.",)


def test_an_entry_about_others_covers_nothing() -> None:
    work = an_entry(PlannedWork, Scope(account="999999999999", command="iam:*"))
    assert answer(NAME, a_case(feedback=Feedback(entries=(work,)))).said == (
        "No: of one entry in the calendar, none is about these calls.",
    )


def test_an_empty_calendar_is_said() -> None:
    assert answer(NAME, a_case()).said == ("No: the calendar is empty.",)


def test_without_its_calls_nobody_can_say_what_covers_them() -> None:
    work = an_entry(PlannedWork, Scope(account="111122223333", command="iam:*"))
    case = a_case(feedback=Feedback(entries=(work,)))
    forgotten = replace(case, trace=replace(case.trace, calls=case.trace.calls.clear()))
    assert answer(NAME, forgotten).said == (
        "Could not determine: the event index holds none of its calls. Looked at: the calendar.",
    )

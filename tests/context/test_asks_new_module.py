from datetime import timedelta

from asking import a_case, an_alert, an_incident, answer
from frames import NOON, call, days

NAME = "new_module"


def test_a_command_that_comes_every_week_is_told_as_steady_and_a_new_one_as_new() -> None:
    weekly = [call(at=NOON - timedelta(days=7 * week), command="ec2:RunInstances") for week in range(1, 6)]
    incident = an_incident(an_alert(), an_alert(command="ec2:RunInstances"))
    said = answer(NAME, a_case(past=weekly, incident=incident))
    assert said.said == (
        "1 of 2 alerted commands never before: iam:CreateUser.",
        "At a steady pace: ec2:RunInstances every 7 days.",
    )
    assert said.rows[0] == {"command": "ec2:RunInstances", "days": 5, "first_day": "2026-02-13", "every_days": 7}


def test_now_and_then_is_no_pace() -> None:
    past = [call(at=NOON - timedelta(days=back), command="iam:CreateUser") for back in (1, 2, 9, 30, 31)]
    assert answer(NAME, a_case(past=past)).said == ("None of them came at a steady pace.",)


def test_without_history_it_cannot_be_determined() -> None:
    assert answer(NAME, a_case()).said == (
        "Could not determine: it has no history of commands. Looked at: the presences of 90 days.",
    )
    assert answer(NAME, a_case(past=days(1))).undetermined is None

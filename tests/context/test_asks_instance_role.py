from asking import a_case, an_incident, answer, stolen
from frames import days

NAME = "instance_role"
INSTANCE = an_incident(principal_kind="instance_role")


def test_a_role_that_does_something_new_is_told_with_it() -> None:
    case = a_case(stolen(), incident=INSTANCE, past=days(3), others=(an_incident(incident_id="inc_2"),))
    assert answer(NAME, case).said == (
        "1 of its 1 command new for the role: iam:CreateUser.",
        "1 other incident about it within 48 hours.",
    )


def test_a_role_that_does_as_always_is_told_so() -> None:
    case = a_case(stolen("ec2:DescribeInstances"), incident=INSTANCE, past=days(3))
    assert answer(NAME, case).said[0] == "It called nothing but what it called in the 90 days before."


def test_a_role_without_history_cannot_be_judged() -> None:
    assert answer(NAME, a_case(incident=INSTANCE)).said == (
        "Could not determine: the role has no history. Looked at: the presences of 90 days.",
    )


def test_of_anybody_else_it_is_no_question() -> None:
    assert answer(NAME, a_case()).said == ("It is not an instance's role.",)

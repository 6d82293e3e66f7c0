from asking import a_case, an_incident, answer, record_of, stolen
from frames import NOON, days

NAME = "what_client"


def test_a_client_is_told_with_who_used_it_before_and_as_it_was_written() -> None:
    row = stolen() | {"user_agent.name": "Boto3"}
    case = a_case(row, records=(record_of(row, userAgent="Boto3/1.40\n<b>"),))
    said = answer(NAME, case)
    assert said.said == ("Boto3, 1 call: new for it; new for the organisation, too.",)
    assert said.rows == ({"client": "Boto3", "user_agent": "Boto3/1.40�<b>", "days_of_90": 0},)


def test_a_usual_client_is_told_as_one() -> None:
    case = a_case(stolen(), past=days(2), clients=[("aws-cli", NOON.replace(day=1))])
    assert answer(NAME, case).said == (
        "aws-cli, 1 call: used by it on 2 earlier days; the organisation has used it since 2026-03-01 12:00 UTC.",
    )


def test_without_calls_it_cannot_be_determined() -> None:
    assert answer(NAME, a_case(stolen(), incident=an_incident(networks=()))).said == (
        "Could not determine: none of its calls is in the event index. Looked at: the event index of 14 days.",
    )

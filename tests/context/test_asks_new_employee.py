from asking import NO_READER, Stubbed, a_case, an_incident, answer
from frames import NOON, days

NAME = "new_employee"


def test_when_it_was_made_and_first_seen_is_told_with_its_peers_in_the_city() -> None:
    made = {"Path": "/", "UserName": "ana", "UserId": "AIDAEXAMPLEEXAMPLE", "Arn": "arn:aws:iam::111122223333:user/ana"}
    aws = Stubbed(("iam", "get_user", {"User": made | {"CreateDate": NOON}}))
    case = a_case(past=days(2), peers=[("bob", "s3:ListBuckets", "Kyiv, 30, UA")], aws=aws)
    assert answer(NAME, case).said == (
        "The user was made at 2026-03-20 12:00 UTC.",
        "It was first seen at 2026-03-18 12:00 UTC.",
        "Of its peers, 1 were in Kyiv, 30, UA in the 90 days before.",
    )


def test_a_user_that_is_gone_is_said() -> None:
    aws = Stubbed(("iam", "get_user", "NoSuchEntity"))
    assert answer(NAME, a_case(aws=aws)).undetermined == (
        "when the user was made: iam:GetUser finds nothing by that name in account 111122223333"
    )


def test_without_a_reader_history_answers() -> None:
    assert answer(NAME, a_case()).said == (
        "It was never seen in the 90 days before.",
        "Of its peers, 0 were in Kyiv, 30, UA in the 90 days before.",
        f"Could not determine: when the user was made: {NO_READER}. Looked at: history.",
    )


def test_of_a_role_only_history_is_asked() -> None:
    assert answer(NAME, a_case(incident=an_incident(principal_kind="role"))).undetermined is None

from datetime import timedelta

from asking import NO_READER, Stubbed, a_case, an_incident, answer, record_of, stolen
from frames import NOON, days

NAME = "initial_vector"
LISTED = {
    "AccessKeyMetadata": [
        {
            "UserName": "ana",
            "AccessKeyId": "AKIAEXAMPLEEXAMPLE",
            "Status": "Active",
            "CreateDate": NOON - timedelta(days=400),
        }
    ]
}


def test_the_keys_age_and_use_are_told() -> None:
    used = {"AccessKeyLastUsed": {"LastUsedDate": NOON, "ServiceName": "iam", "Region": "eu-central-1"}}
    aws = Stubbed(("iam", "list_access_keys", LISTED), ("iam", "get_access_key_last_used", used))
    said = answer(NAME, a_case(past=days(3), aws=aws))
    assert said.said == (
        "The first call that did not fit was at 2026-03-20 12:00 UTC.",
        "In the 90 days before it was used by 1 client on 1 network.",
        "AKIAEXAMPLEEXAMPLE is 400 days old and Active, last used at 2026-03-20 12:00 UTC.",
    )
    assert said.rows == (
        {"client": "aws-cli", "network": "50.0.1.0/24", "owner": "AS3320", "last": "2026-03-19 12:00 UTC"},
    )


def test_a_last_use_that_may_not_be_asked_is_said() -> None:
    aws = Stubbed(("iam", "list_access_keys", LISTED), ("iam", "get_access_key_last_used", "AccessDenied"))
    assert answer(NAME, a_case(aws=aws)).said[-2:] == (
        "AKIAEXAMPLEEXAMPLE is 400 days old and Active.",
        (
            "Could not determine: the key's last use: iam:GetAccessKeyLastUsed is not permitted in account "
            "111122223333. Looked at: history, IAM."
        ),
    )


def test_without_a_reader_the_keys_age_is_not_known() -> None:
    assert answer(NAME, a_case()).said[-1] == (
        f"Could not determine: the key's age: {NO_READER}. Looked at: history, the records."
    )


def test_of_a_session_its_beginning_is_told() -> None:
    row = stolen()
    identity = {"type": "AssumedRole", "sessionContext": {"attributes": {"creationDate": "2026-03-20T11:00:00Z"}}}
    case = a_case(row, incident=an_incident(principal_kind="role"), records=(record_of(row, userIdentity=identity),))
    assert answer(NAME, case).said[1] == "Its session began at 2026-03-20T11:00:00Z."

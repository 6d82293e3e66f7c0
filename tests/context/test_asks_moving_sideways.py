from datetime import timedelta

from asking import KEY, a_case, answer, stolen
from frames import NOON

from prefect_cloudtrail.context.trace import Session

NAME = "moving_sideways"
ROLE = "arn:aws:iam::999999999999:role/admin"
TRADED = Session(ROLE, "x", "999999999999", "ASIAEXAMPLE", KEY, NOON, NOON + timedelta(hours=1), "AROAEXAMPLE:x")


def test_sessions_and_the_accounts_they_reached_are_told() -> None:
    used = stolen("s3:ListBuckets", 2, account="999999999999")
    used |= {"cloud.account.id": "999999999999", "aws.cloudtrail.user_identity.access_key_id": "ASIAEXAMPLE"}
    said = answer(NAME, a_case(stolen("sts:AssumeRole"), used, sessions=(TRADED,)))
    assert said.said == (
        f"2026-03-20 12:00 UTC: {ROLE}, good until 2026-03-20 13:00 UTC; 1 call with it.",
        "It reached 1 other account: 999999999999.",
    )
    assert said.rows[0]["started_by"] == KEY


def test_credentials_that_were_not_traded_are_told() -> None:
    assert answer(NAME, a_case()).said == ("It traded its credentials for no others.",)


def test_where_records_are_missing_it_cannot_be_determined() -> None:
    assert answer(NAME, a_case(incomplete="1 object could not be read: a.gz: gone.")).said == (
        (
            "Could not determine: 1 object could not be read: a.gz: gone. "
            "Looked at: the event index, the records of its trades."
        ),
    )

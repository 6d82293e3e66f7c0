from asking import ACCOUNT, a_case, answer
from frames import NOON

from prefect_cloudtrail.context.trace import Made

NAME = "what_was_made"
KEY = Made("iam:CreateAccessKey", "AKIANEW", ACCOUNT, NOON, "aws iam update-access-key --user-name bob", {})


def test_what_was_made_is_told_with_its_undo() -> None:
    said = answer(NAME, a_case(made=(KEY,)))
    assert said.said == ("iam:CreateAccessKey AKIANEW: aws iam update-access-key --user-name bob.",)
    assert said.rows == (
        {
            "at": "2026-03-20 12:00 UTC",
            "command": "iam:CreateAccessKey",
            "target": "AKIANEW",
            "account": ACCOUNT,
            "undo": "aws iam update-access-key --user-name bob",
        },
    )


def test_nothing_made_is_told() -> None:
    assert answer(NAME, a_case()).said == ("Nothing of the kind.",)


def test_more_than_a_screen_is_cut_and_counted() -> None:
    assert answer(NAME, a_case(made=(KEY,) * 12)).said[-1] == "And 2 more."


def test_where_records_are_missing_there_may_be_more() -> None:
    assert answer(NAME, a_case(made=(KEY,), incomplete="1 object could not be read: a.gz: gone.")).said == (
        "1 thing found.",
        "iam:CreateAccessKey AKIANEW: aws iam update-access-key --user-name bob.",
        (
            "Could not determine: whether there are more: 1 object could not be read: a.gz: gone. "
            "Looked at: the records of its writes."
        ),
    )

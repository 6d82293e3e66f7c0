from datetime import timedelta

import pytest
from asking import NO_READER, Stubbed, a_case, answer, record_of, stolen
from frames import NOON

from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.store.slack import OwnerRow

NAME = "owner"
LOOKED_AT = "Looked at: the rules' owners, the Identity Center user, the owner tag."
TAGGED = {"Tags": [{"Key": "owner", "Value": "slack:U2"}]}


def test_the_rules_name_the_owner_first() -> None:
    assert answer(NAME, a_case(rules=Rules(owners={"user ana": "slack:U1"}))).said == (
        "slack:U1, by the rules' owners.",
    )


def test_identity_center_names_its_user() -> None:
    row = stolen()
    identity = {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "90a-1"}}
    assert answer(NAME, a_case(row, records=(record_of(row, userIdentity=identity),))).said == (
        "The Identity Center user 90a-1.",
    )


def test_an_owner_tag_names_one() -> None:
    aws = Stubbed(("iam", "list_user_tags", TAGGED))
    assert answer(NAME, a_case(aws=aws)).said == ("slack:U2, by its owner tag.",)


def test_an_owner_tag_that_was_changed_meanwhile_is_not_believed() -> None:
    aws = Stubbed(("iam", "list_user_tags", TAGGED))
    assert answer(NAME, a_case(stolen("iam:TagUser"), aws=aws)).said == (
        f"Could not determine: its owner tag, slack:U2, was changed in these 48 hours. {LOOKED_AT}",
    )


def test_a_user_without_a_tag_has_no_owner() -> None:
    aws = Stubbed(("iam", "list_user_tags", {"Tags": []}))
    assert answer(NAME, a_case(aws=aws)).said == (
        f"Could not determine: no trusted mapping names one: It has no owner tag. {LOOKED_AT}",
    )


def test_without_a_reader_and_rules_nobody_is_known() -> None:
    assert answer(NAME, a_case()).said == (f"Could not determine: its owner tag: {NO_READER}. {LOOKED_AT}",)


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (None, "no answer yet."),
        ("yes", 'answered at 2026-03-20 12:20 UTC: "it was me". That is their word, and decides nothing.'),
        ("no", 'answered at 2026-03-20 12:20 UTC: "it was not me". That is their word, and decides nothing.'),
        ("unsure", 'answered at 2026-03-20 12:20 UTC: "I am not sure". That is their word, and decides nothing.'),
    ],
)
def test_what_the_owner_said_in_slack_is_told_as_their_word(answered: str | None, said: str) -> None:
    at = NOON + timedelta(minutes=18)
    asked = OwnerRow("inc_1", "slack:U1", at, answered, at + timedelta(minutes=2) if answered else None)
    case = a_case(rules=Rules(owners={"user ana": "slack:U1"}), owner_asked=asked)
    assert answer(NAME, case).said == (
        "slack:U1, by the rules' owners.",
        f"Asked slack:U1 in Slack at 2026-03-20 12:18 UTC; {said}",
    )


def test_who_was_asked_stays_said_where_nobody_names_an_owner_any_more() -> None:
    case = a_case(owner_asked=OwnerRow("inc_1", "slack:U1", NOON, None, None))
    said = answer(NAME, case).said
    assert said == (
        "Asked slack:U1 in Slack at 2026-03-20 12:00 UTC; no answer yet.",
        f"Could not determine: its owner tag: {NO_READER}. {LOOKED_AT}",
    )

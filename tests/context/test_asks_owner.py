from asking import NO_READER, Stubbed, a_case, answer, record_of, stolen

from prefect_cloudtrail.response.rules import Rules

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

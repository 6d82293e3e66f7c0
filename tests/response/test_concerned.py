"""Who is concerned, from what an intruder cannot choose."""

from dataclasses import replace

import pytest
from response_cases import USER
from store.case_builders import an_incident

from prefect_cloudtrail.response.concerned import concerned, different_people, may_be, member_to_ask
from prefect_cloudtrail.response.rules import Rules

RESERVED = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1234/ana@example.com"
LOOKALIKE = "arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_1234/ana@example.com"
ROLE = "arn:aws:iam::111122223333:role/ci"
OWNERS = Rules(
    owners={
        USER: "slack:UOWNER",
        "user deploy": "slack:UOWNER",
        "ana@example.com": "slack:UANA",
        "9067-id": "slack:UBO",
        "bo": "slack:UBO",
        f"{ROLE}/ana@example.com": "slack:UANA",
        "system:ana": "slack:UANA",
        "ip-user": "system:ana",
    }
)


@pytest.mark.parametrize(
    ("kind", "principal", "person", "found"),
    [
        ("iam_user", USER, "user deploy", {"slack:UOWNER"}),
        ("iam_user", USER.replace("deploy", "other"), "user other", set()),
        ("sso_user", RESERVED, "ana@example.com", {"slack:UANA"}),
        ("sso_user", LOOKALIKE, "ana@example.com", set()),
        ("role_session", f"{ROLE}/ana@example.com", "ana@example.com", set()),
        ("federated_user", "arn:aws:sts::111122223333:federated-user/bo", "bo", set()),
        ("identity_center_user", "9067-id", "identity center id 9067-id", {"slack:UBO"}),
        ("iam_user", "ip-user", "user ip", {"slack:UANA"}),
    ],
)
def test_only_a_trusted_name_says_who_is_concerned(kind: str, principal: str, person: str, found: set[str]) -> None:
    incident = replace(an_incident(), principal_kind=kind, principal=principal, person=person)
    assert concerned(incident, OWNERS) == found


def test_an_enforced_source_identity_says_who_it_is() -> None:
    session = replace(an_incident(), principal_kind="role_session", principal=f"{ROLE}/any", person="any")
    assert concerned(session, OWNERS, source_identity="bo") == {"slack:UBO"}


def test_of_a_cohort_nobody_is_known() -> None:
    assert concerned(replace(an_incident(), kind="cohort"), OWNERS) == frozenset()


@pytest.mark.parametrize(
    ("owners", "member"),
    [
        ({USER: "slack:UOWNER"}, "slack:UOWNER"),
        ({USER: "slack:UOWNER", "user deploy": "slack:UOWNER"}, "slack:UOWNER"),
        ({USER: "slack:UOWNER", "user deploy": "slack:UANA"}, None),
        ({USER: "system:ana"}, None),
        ({USER: "system:ana", "system:ana": "slack:UANA"}, "slack:UANA"),
        ({}, None),
    ],
)
def test_one_member_of_slack_can_be_asked_where_the_mappings_agree(owners: dict[str, str], member: str | None) -> None:
    incident = replace(an_incident(), principal_kind="iam_user", principal=USER, person="user deploy")
    assert member_to_ask(incident, Rules(owners=owners)) == member


def test_nobody_is_asked_because_of_the_name_of_a_session() -> None:
    session = replace(
        an_incident(),
        principal_kind="role_session",
        principal=f"{ROLE}/ana@example.com",
        person="ana@example.com",
    )
    assert member_to_ask(session, OWNERS) is None


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (["slack:UANA", "slack:UBO"], 2),
        (["slack:UANA", "slack:UANA"], 1),
        (["slack:UANA", "system:ana"], 1),
        (["slack:UBO", "system:ana"], 2),
        (["slack:UBO", "system:cleo"], 1),
        (["system:dan", "system:cleo"], 2),
        ([], 0),
    ],
)
def test_people_are_counted_as_different_only_where_that_is_sure(names: list[str], people: int) -> None:
    assert different_people(names, OWNERS) == people


def test_a_user_of_the_host_may_be_anybody_in_slack() -> None:
    assert [may_be(name, {"slack:UBO"}, OWNERS) for name in ("system:cleo", "system:ana", "slack:UANA")] == [
        True,
        False,
        False,
    ]

from datetime import UTC, datetime
from typing import Any

import pytest
from response.actions.scenarios import TRUST, ATrust, applied, receipt
from response.cloud import Cloud, Fault, role_last_used
from response.policy_evaluator import Call, allows

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.actions import deny_in_trust

MARCH = datetime(2026, 3, 31, 2, 51, tzinfo=UTC)
THIEF = "arn:aws:iam::999988887777:role/thief"


def test_it_says_that_sessions_given_out_live_on(cloud: Cloud) -> None:
    role = ATrust(cloud)
    role_last_used(role.name, MARCH)
    found = deny_in_trust.check(cloud, role.step("deny_in_trust", role_name="orders", from_account_id="999988887777"))
    assert found.does == "Denies in the trust policy of the role orders that account 999988887777 assumes it."
    assert found.breaks == (
        "Whatever of account 999988887777 assumes the role orders stops when its session ends.",
        "The role orders was last used at 2026-03-31 02:51 UTC in eu-central-1.",
    )
    assert found.survives == ("Sessions that it has given out live on, up to 12 hours: revoke them, too.",)
    assert found.before["trust"] == TRUST


@pytest.mark.parametrize(
    ("arguments", "context", "passes"),
    [
        ({}, {"aws:PrincipalArn": THIEF}, False),
        ({"principal_arn": THIEF}, {"aws:PrincipalArn": THIEF}, False),
        ({"principal_arn": THIEF}, {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/pipeline"}, True),
        ({"from_account_id": "999988887777"}, {"aws:PrincipalAccount": "999988887777"}, False),
        ({"from_account_id": "999988887777"}, {"aws:PrincipalAccount": "111122223333"}, True),
    ],
)
def test_who_is_denied_cannot_assume_the_role(
    cloud: Cloud, arguments: dict[str, Any], context: dict[str, str], passes: bool
) -> None:
    role = ATrust(cloud)
    applied(cloud, receipt(cloud, role.step("deny_in_trust", role_name="orders", **arguments)))
    assert allows([role.trust()], Call("sts:AssumeRole", role.arn, context)) is passes


def test_the_statement_bears_the_receipt(cloud: Cloud) -> None:
    role = ATrust(cloud)
    applied(cloud, receipt(cloud, role.step("deny_in_trust", role_name="orders")))
    assert role.trust()["Statement"] == [
        *TRUST["Statement"],
        {
            "Sid": "PrefectCloudtrailrcp0123456789abcdef0123",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"],
        },
    ]


def test_what_others_changed_in_the_trust_stays_when_undone(cloud: Cloud) -> None:
    role = ATrust(cloud)
    done = applied(cloud, receipt(cloud, role.step("deny_in_trust", role_name="orders")))
    pipeline = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role.write({**TRUST, "Statement": [pipeline, *role.trust()["Statement"]]})
    assert deny_in_trust.undo(cloud, done).holds
    assert role.trust() == {**TRUST, "Statement": [pipeline, *TRUST["Statement"]]}


def test_a_trust_of_one_statement_is_as_it_was_letter_for_letter(cloud: Cloud) -> None:
    role = ATrust(cloud)
    single = {**TRUST, "Statement": TRUST["Statement"][0]}
    role.write(single)
    done = applied(cloud, receipt(cloud, role.step("deny_in_trust", role_name="orders")))
    deny_in_trust.undo(cloud, done)
    assert role.trust() == single


def test_a_trust_without_room_says_so(cloud: Cloud) -> None:
    role = ATrust(cloud)
    begun = receipt(cloud, role.step("deny_in_trust", role_name="orders"))
    cloud.faults.append(Fault("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048"))
    with pytest.raises(ActionError) as raised:
        deny_in_trust.apply(cloud, begun)
    assert str(raised.value) == (
        "cannot change the trust policy of the role orders: LimitExceeded, Cannot exceed quota for ACLSizePerRole: "
        "2048; a quota is full: take away what is not needed, or choose another step"
    )


def test_two_ways_to_narrow_it_are_refused(cloud: Cloud) -> None:
    role = ATrust(cloud)
    step = role.step("deny_in_trust", role_name="orders", principal_arn=THIEF, from_account_id="999988887777")
    with pytest.raises(ActionError, match="give a principal_arn or a from_account_id, not both"):
        deny_in_trust.check(cloud, step)


def test_a_service_linked_role_is_refused(cloud: Cloud) -> None:
    role = ATrust(cloud, "/aws-service-role/ecs.amazonaws.com/")
    with pytest.raises(ActionError, match="cannot change the trust of the role orders: only AWS may change it"):
        deny_in_trust.check(cloud, role.step("deny_in_trust", role_name="orders"))

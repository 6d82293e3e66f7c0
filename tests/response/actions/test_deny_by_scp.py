import json
from dataclasses import replace
from typing import Any

import pytest
from response.actions.scenarios import ALLOW, POLICY, AMember, applied, receipt
from response.cloud import MANAGEMENT, Cloud, Fault
from response.policy_evaluator import Call, allows

from prefect_cloudtrail.errors import ActionError, ChangedSinceError
from prefect_cloudtrail.response.actions import deny_by_scp

ROOT = "arn:aws:iam::111122223333:root"


def test_it_says_that_other_accounts_are_not_reached(cloud: Cloud) -> None:
    member = AMember(cloud)
    found = deny_by_scp.check(cloud, member.taken)
    whom = "the Identity Center user 90676f0f1c-1f8f2b9c"
    assert found.does == f"Denies {whom} everything in account {member.account}, by a service control policy."
    assert found.breaks == (f"Whatever works as {whom} in account {member.account} stops.",)
    assert found.survives == (
        f"What {whom} can do in other accounts goes on.",
        "Sessions of other roles that it already assumed live on, up to 1 hour.",
    )


@pytest.mark.parametrize(
    ("whom", "context", "passes"),
    [
        ({"identitystore_user_id": "u-1"}, {"identitystore:UserId": "u-1"}, False),
        ({"identitystore_user_id": "u-1"}, {"identitystore:UserId": "u-2"}, True),
        ({"identitystore_user_id": "u-1"}, {}, True),
        ({"user_id": "AROAEXAMPLE:ana"}, {"aws:userid": "AROAEXAMPLE:ana"}, False),
        ({"user_id": "AROAEXAMPLE:ana"}, {"aws:userid": "AROAEXAMPLE:ben"}, True),
        ({"principal_arn": ROOT}, {"aws:PrincipalArn": ROOT}, False),
        ({"principal_arn": ROOT}, {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/orders"}, True),
    ],
)
def test_who_is_named_is_denied_and_nobody_else(
    cloud: Cloud, whom: dict[str, Any], context: dict[str, str], passes: bool
) -> None:
    member = AMember(cloud)
    step = replace(member.taken, arguments={"target_account_id": member.account, **whom})
    applied(cloud, receipt(cloud, step))
    content, targets = member.state()[POLICY]
    assert targets == [member.account]
    assert allows([json.loads(ALLOW), json.loads(content)], Call("s3:GetObject", context=context)) is passes


def test_the_management_account_is_refused(cloud: Cloud) -> None:
    member = AMember(cloud)
    step = replace(member.taken, arguments={**member.taken.arguments, "target_account_id": MANAGEMENT})
    with pytest.raises(ActionError) as raised:
        deny_by_scp.check(cloud, step)
    assert str(raised.value) == (
        f"cannot deny the Identity Center user 90676f0f1c-1f8f2b9c in account {MANAGEMENT} by SCP: it is the "
        "management account, which none reaches; put the deny on the user or role instead"
    )


@pytest.mark.parametrize("whom", [{}, {"user_id": "A:b", "principal_arn": ROOT}])
def test_nobody_and_two_are_refused(cloud: Cloud, whom: dict[str, str]) -> None:
    member = AMember(cloud)
    step = replace(member.taken, arguments={"target_account_id": member.account, **whom})
    with pytest.raises(ActionError, match="give one of user_id, identitystore_user_id, principal_arn, whom to deny"):
        deny_by_scp.check(cloud, step)


def test_a_policy_that_cannot_be_attached_is_not_left_lying_about(cloud: Cloud) -> None:
    member = AMember(cloud)
    begun = receipt(cloud, member.taken)
    full = "You have attached the maximum number of policies to the specified target."
    cloud.faults.append(Fault("ConstraintViolationException", full, only="AttachPolicy"))
    with pytest.raises(ActionError, match="a quota is full"):
        deny_by_scp.apply(cloud, begun)
    assert member.state() == {}


def test_a_policy_that_somebody_rewrote_is_left(cloud: Cloud) -> None:
    member = AMember(cloud)
    done = applied(cloud, receipt(cloud, member.taken))
    member.organizations.update_policy(PolicyId=member.policies()[POLICY], Content=ALLOW)
    assert deny_by_scp.verify(cloud, done).said == f"The service control policy {POLICY} is not as it was written."
    with pytest.raises(ChangedSinceError, match="somebody changed it since"):
        deny_by_scp.undo(cloud, done)
    assert POLICY in member.state()


def test_a_policy_that_the_management_deleted_is_put_up_again(cloud: Cloud) -> None:
    member = AMember(cloud)
    done = applied(cloud, receipt(cloud, member.taken))
    was = member.state()
    member.reversed()
    member.organizations.delete_policy(PolicyId=member.policies()[POLICY])
    assert deny_by_scp.verify(cloud, done).said == f"There is no service control policy {POLICY}."
    deny_by_scp.apply(cloud, done)
    assert member.state() == was

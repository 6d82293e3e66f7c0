import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from response.actions.scenarios import ALLOW, POLICY, ARole, AUser, applied, receipt
from response.cloud import ACCOUNT, Cloud, Fault, last_used, role_last_used
from response.policy_evaluator import Call, allows

from prefect_cloudtrail.errors import ActionError, TargetGoneError
from prefect_cloudtrail.response.actions import deny_principal
from prefect_cloudtrail.response.plan import Step

MARCH = datetime(2026, 3, 31, 2, 51, tzinfo=UTC)
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"


def full(operation: str = "PutUserPolicy") -> Fault:
    # moto has no quota.
    said = "Maximum policy size of 2048 bytes exceeded for user deploy-user"
    return Fault("LimitExceeded", said, only=operation)


def test_it_says_whose_keys_stop_and_which_sessions_live_on(cloud: Cloud) -> None:
    user = AUser(cloud)
    last_used(user.key, MARCH)
    found = deny_principal.check(cloud, user.step("deny_principal"))
    assert found.does == "Denies the user deploy-user everything."
    assert found.breaks == (
        "Whatever works as the user deploy-user stops.",
        f"The access key {user.key} (Active) was last used at 2026-03-31 02:51 UTC for s3 in eu-central-1.",
    )
    assert found.survives == (
        "Sessions of roles that it already assumed live on, up to 12 hours; its own sessions are denied, too.",
    )


def test_of_a_role_it_says_when_it_was_last_used(cloud: Cloud) -> None:
    role = ARole(cloud)
    role_last_used(role.name, MARCH)
    found = deny_principal.check(cloud, role.step("deny_principal", kind="role", name="orders"))
    assert found.breaks == (
        "Whatever works as the role orders stops.",
        "The role orders was last used at 2026-03-31 02:51 UTC in eu-central-1.",
    )


def test_under_the_deny_nothing_is_allowed(cloud: Cloud) -> None:
    user = AUser(cloud)
    applied(cloud, receipt(cloud, user.step("deny_principal")))
    assert not allows(user.policies().values(), Call("s3:GetObject", "arn:aws:s3:::a/b"))
    assert allows([user.policies()["its-own"]], Call("s3:GetObject", "arn:aws:s3:::a/b"))


@pytest.mark.usefixtures("aws_policies")
def test_where_there_is_no_room_awsdenyall_is_attached_and_detached(cloud: Cloud) -> None:
    user = AUser(cloud)
    was = user.state()
    cloud.faults.append(full())
    done = applied(cloud, receipt(cloud, user.step("deny_principal")))
    assert (user.attached(), set(user.policies())) == ([DENY_ALL], {"its-own"})
    assert applied(cloud, done) == done
    first = deny_principal.undo(cloud, done)
    assert (first.holds, user.state()) == (True, was)
    assert (deny_principal.undo(cloud, done), user.state()) == (first, was)


@pytest.mark.usefixtures("aws_policies")
def test_a_role_without_room_is_denied_all_the_same(cloud: Cloud) -> None:
    role = ARole(cloud)
    cloud.faults.append(full("PutRolePolicy"))
    done = applied(cloud, receipt(cloud, role.step("deny_principal", kind="role", name="orders")))
    assert role.attached() == [DENY_ALL]
    assert deny_principal.undo(cloud, done).holds
    assert role.attached() == []


@pytest.mark.usefixtures("aws_policies")
def test_awsdenyall_that_was_there_before_is_never_detached(cloud: Cloud) -> None:
    user = AUser(cloud)
    user.iam.attach_user_policy(UserName=user.name, PolicyArn=DENY_ALL)
    cloud.faults.append(full())
    done = applied(cloud, receipt(cloud, user.step("deny_principal")))
    back = deny_principal.undo(cloud, done)
    assert back.holds
    assert back.said == (
        f"The policy {POLICY} is not on the user deploy-user. "
        "AWSDenyAll is on the user deploy-user, attached by somebody else."
    )
    assert user.attached() == [DENY_ALL]


@pytest.mark.usefixtures("aws_policies")
def test_awsdenyall_that_somebody_attached_beside_ours_is_never_detached(cloud: Cloud) -> None:
    user = AUser(cloud)
    done = applied(cloud, receipt(cloud, user.step("deny_principal")))
    user.iam.attach_user_policy(UserName=user.name, PolicyArn=DENY_ALL)
    assert deny_principal.undo(cloud, done).holds
    assert (user.attached(), set(user.policies())) == ([DENY_ALL], {"its-own"})


def test_a_user_made_anew_under_the_name_is_left_alone(cloud: Cloud) -> None:
    user = AUser(cloud)
    begun = receipt(cloud, user.step("deny_principal"))
    user.gone()
    user.iam.create_user(UserName=user.name)
    with pytest.raises(TargetGoneError, match="the user deploy-user is another one now"):
        deny_principal.apply(cloud, begun)
    assert user.policies() == {}


@pytest.mark.parametrize("path", ["/aws-service-role/ecs.amazonaws.com/", "/aws-reserved/sso.amazonaws.com/"])
def test_a_role_that_only_aws_may_change_is_refused(cloud: Cloud, path: str) -> None:
    role = ARole(cloud, path)
    with pytest.raises(ActionError) as raised:
        deny_principal.check(cloud, role.step("deny_principal", kind="role", name="orders"))
    assert str(raised.value) == (
        f"cannot put a policy on the role orders: only AWS may change it ({path}); "
        "of an Identity Center role, change the permission set or deny by SCP"
    )


def test_a_receipt_that_was_made_to_allow_something_is_refused(cloud: Cloud) -> None:
    user = AUser(cloud)
    begun = receipt(cloud, user.step("deny_principal"))
    forged = replace(begun, before={**begun.before, "document": json.loads(ALLOW)})
    with pytest.raises(ActionError, match="holds a policy that allows"):
        deny_principal.apply(cloud, forged)
    assert set(user.policies()) == {"its-own"}


def test_neither_user_nor_role_is_refused(cloud: Cloud) -> None:
    step = Step("deny_principal", ACCOUNT, "", {"kind": "group", "name": "everybody"})
    with pytest.raises(ActionError, match="cannot take deny_principal on a group: name a user or a role"):
        deny_principal.check(cloud, step)

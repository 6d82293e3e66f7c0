import json
from dataclasses import replace
from uuid import UUID

import pytest
from response.actions.scenarios import AMembership, AnAssignment, applied, receipt
from response.cloud import ACCOUNT, Cloud, Fault, response

from prefect_cloudtrail.errors import ActionError, TargetGoneError
from prefect_cloudtrail.response.actions import remove_assignment


def status(value: str, reason: str = "") -> str:
    found = {"Status": value, "RequestId": str(UUID(int=1)), "FailureReason": reason}
    return json.dumps({"AccountAssignmentDeletionStatus": found})


def test_it_says_that_open_sessions_live_on(cloud: Cloud) -> None:
    world = AnAssignment(cloud)
    found = remove_assignment.check(cloud, world.taken)
    assert found.does == (
        f"Removes the assignment of {world.given['permission_set_arn']} in account {ACCOUNT} "
        "to the user 90676f0f1c-1f8f2b9c."
    )
    assert found.breaks == ("The person loses this way in until it is given back.",)
    assert found.survives == (
        "Sessions that are open live on, up to 12 hours, as its permission set says: deny by SCP first.",
        "The person's session in the access portal lives on: end it by hand in Identity Center.",
        "Other assignments and groups of the person stay.",
    )


def test_of_a_group_it_says_that_everybody_in_it_is_hurt(cloud: Cloud) -> None:
    world = AnAssignment(cloud)
    arguments = {**world.arguments(), "PrincipalType": "GROUP"}
    world.sso.create_account_assignment(**arguments)
    step = replace(world.taken, arguments={**world.given, "principal_type": "GROUP"})
    assert remove_assignment.check(cloud, step).breaks == ("Everybody in the group loses this way in.",)


def test_a_membership_that_is_not_there_is_gone(cloud: Cloud) -> None:
    world = AMembership(cloud)
    world.gone()
    with pytest.raises(TargetGoneError) as raised:
        remove_assignment.check(cloud, world.taken)
    assert str(raised.value) == (
        f"there is no membership of the user {world.given['user_id']} in the group {world.given['group_id']}"
    )


def test_while_aws_is_at_it_it_does_not_hold_yet(cloud: Cloud) -> None:
    world = AnAssignment(cloud)
    begun = receipt(cloud, world.taken)
    for operation in ("DeleteAccountAssignment", "DescribeAccountAssignmentDeletionStatus"):
        cloud.answers[operation] = lambda _: response(status("IN_PROGRESS"))
    remove_assignment.apply(cloud, begun)
    assert not remove_assignment.verify(cloud, begun).holds
    # The answer to a second wish, while the first is worked on.
    cloud.faults.append(Fault("ConflictException", only="DeleteAccountAssignment"))
    remove_assignment.apply(cloud, begun)
    assert cloud.called.count("sso:DescribeAccountAssignmentDeletionStatus") == 5


def test_what_aws_gives_up_is_said(cloud: Cloud) -> None:
    world = AnAssignment(cloud)
    begun = receipt(cloud, world.taken)
    cloud.answers["DeleteAccountAssignment"] = lambda _: response(status("IN_PROGRESS"))
    cloud.answers["DescribeAccountAssignmentDeletionStatus"] = lambda _: response(status("FAILED", "Access denied"))
    with pytest.raises(ActionError) as raised:
        remove_assignment.apply(cloud, begun)
    assert str(raised.value).endswith(": Access denied; look at it in Identity Center")
    assert world.state()


def test_what_somebody_gave_back_is_left(cloud: Cloud) -> None:
    world = AMembership(cloud)
    done = applied(cloud, receipt(cloud, world.taken))
    world.reversed()
    assert remove_assignment.undo(cloud, done).holds
    assert len(world.members()) == 1

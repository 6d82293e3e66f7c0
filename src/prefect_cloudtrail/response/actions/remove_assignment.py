"""Takes an Identity Center user's way into an account: an assignment, or the membership of a group that has one.

Arguments of the step, of an assignment: `instance_arn`, `permission_set_arn`, `target_account_id`, `principal_type`
(`USER` or `GROUP`), `principal_id`. Of a membership: `identity_store_id`, `group_id`, `user_id`. Of both: `region`,
Identity Center's own. `account_id` of the step is the account that Identity Center is administered from.

An assignment is removed in the background: apply waits up to ten seconds for it, and verify says when it is gone.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from prefect_cloudtrail.errors import ActionError, TargetGoneError
from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.asking import asking, code
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_identitystore import IdentityStoreClient
    from types_boto3_sso_admin import SSOAdminClient

_TRIES, _PAUSE_SECONDS = 5, 2

ACTION = Action(
    name="remove_assignment",
    does="takes an Identity Center user's assignment or group membership",
    permissions=(
        "identitystore:CreateGroupMembership",
        "identitystore:DeleteGroupMembership",
        "identitystore:GetGroupMembershipId",
        "sso:CreateAccountAssignment",
        "sso:DeleteAccountAssignment",
        "sso:DescribeAccountAssignmentCreationStatus",
        "sso:DescribeAccountAssignmentDeletionStatus",
        "sso:ListAccountAssignments",
    ),
    source='AWS, IAM Identity Center User Guide, "Remove user and group access"',
)


def check(aws: Aws, step: Step) -> Check:
    """Return what would be taken, and what goes on.

    Raises:
        TargetGoneError: there is no such assignment or membership.
    """
    if not _there(aws, step):
        raise TargetGoneError(f"there is no {_what(step)}")
    of_group = step.arguments.get("principal_type") == "GROUP"
    return Check(
        before={"there": True, **step.arguments},
        does=f"Removes the {_what(step)}.",
        breaks=("Everybody in the group loses this way in.",)
        if of_group
        else ("The person loses this way in until it is given back.",),
        survives=(
            "Sessions that are open live on, up to 12 hours, as its permission set says: deny by SCP first.",
            "The person's session in the access portal lives on: end it by hand in Identity Center.",
            "Other assignments and groups of the person stay.",
        ),
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Remove it, if it is there."""
    step = receipt.step
    if _there(aws, step):
        if "group_id" in step.arguments:
            _membership_off(aws, step)
        else:
            _assignment_off(aws, step)


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return whether it is there now; it holds where it is not."""
    there = _there(aws, receipt.step)
    return Reading(holds=not there, after={"there": there}, said=_said(receipt.step, there))


def undo(aws: Aws, receipt: Receipt) -> Reading:
    """Give it back, if it is not there."""
    step = receipt.step
    if receipt.undone_by is None and not _there(aws, step):
        if "group_id" in step.arguments:
            _membership_on(aws, step)
        else:
            _assignment_on(aws, step)
    there = _there(aws, step)
    return Reading(holds=there, after={"there": there}, said=_said(step, there))


def _there(aws: Aws, step: Step) -> bool:
    if "group_id" in step.arguments:
        return _membership_id(_identitystore(aws, step), step) is not None
    sso_admin, given = _sso_admin(aws, step), step.arguments
    with asking(f"look for the {_what(step)}"):
        pages: Any = sso_admin.get_paginator("list_account_assignments").paginate(
            InstanceArn=given["instance_arn"],
            AccountId=given["target_account_id"],
            PermissionSetArn=given["permission_set_arn"],
        )
        found = [(each["PrincipalType"], each["PrincipalId"]) for page in pages for each in page["AccountAssignments"]]
    return (given["principal_type"], given["principal_id"]) in found


def _assignment_off(aws: Aws, step: Step) -> None:
    sso_admin = _sso_admin(aws, step)
    try:
        with asking(f"remove the {_what(step)}"):
            answer = sso_admin.delete_account_assignment(**_assignment(step))
    except ActionError as error:
        if isinstance(error.__cause__, ClientError) and code(error.__cause__) == "ConflictException":
            return  # it is being removed already
        raise
    status: Any = answer["AccountAssignmentDeletionStatus"]

    def again() -> Any:  # noqa: ANN401 - boto3's own
        return sso_admin.describe_account_assignment_deletion_status(
            InstanceArn=step.arguments["instance_arn"], AccountAssignmentDeletionRequestId=status["RequestId"]
        )["AccountAssignmentDeletionStatus"]

    _wait(f"remove the {_what(step)}", status, again)


def _assignment_on(aws: Aws, step: Step) -> None:
    sso_admin = _sso_admin(aws, step)
    with asking(f"give back the {_what(step)}"):
        answer = sso_admin.create_account_assignment(**_assignment(step))
    status: Any = answer["AccountAssignmentCreationStatus"]

    def again() -> Any:  # noqa: ANN401 - boto3's own
        return sso_admin.describe_account_assignment_creation_status(
            InstanceArn=step.arguments["instance_arn"], AccountAssignmentCreationRequestId=status["RequestId"]
        )["AccountAssignmentCreationStatus"]

    _wait(f"give back the {_what(step)}", status, again)


def _wait(what: str, status: Any, again: Callable[[], Any]) -> None:  # noqa: ANN401 - boto3's own
    """Wait for a request that AWS works on in the background; where it takes longer, the read-back tells.

    Raises:
        ActionError: AWS gave it up.
    """
    for _ in range(_TRIES):
        if status.get("Status") == "FAILED":
            reason = plain(str(status.get("FailureReason", "no reason given")))
            raise ActionError(f"cannot {what}: {reason}; look at it in Identity Center")
        if status.get("Status") == "SUCCEEDED":
            return
        time.sleep(_PAUSE_SECONDS)
        with asking(f"ask how far it is to {what}"):
            status = again()


def _membership_id(identitystore: "IdentityStoreClient", step: Step) -> str | None:
    try:
        with asking(f"look for the {_what(step)}"):
            found = identitystore.get_group_membership_id(
                IdentityStoreId=step.arguments["identity_store_id"],
                GroupId=step.arguments["group_id"],
                MemberId={"UserId": step.arguments["user_id"]},
            )
    except TargetGoneError:
        return None  # the same answer where the group or the user is gone: no member either way
    return found["MembershipId"]


def _membership_off(aws: Aws, step: Step) -> None:
    identitystore = _identitystore(aws, step)
    membership_id = _membership_id(identitystore, step)
    if membership_id is not None:
        with asking(f"remove the {_what(step)}"):
            identitystore.delete_group_membership(
                IdentityStoreId=step.arguments["identity_store_id"], MembershipId=membership_id
            )


def _membership_on(aws: Aws, step: Step) -> None:
    identitystore = _identitystore(aws, step)
    with asking(f"give back the {_what(step)}"):
        identitystore.create_group_membership(
            IdentityStoreId=step.arguments["identity_store_id"],
            GroupId=step.arguments["group_id"],
            MemberId={"UserId": step.arguments["user_id"]},
        )


def _assignment(step: Step) -> Any:  # noqa: ANN401 - boto3's own
    given = step.arguments
    return {
        "InstanceArn": given["instance_arn"],
        "TargetId": given["target_account_id"],
        "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": given["permission_set_arn"],
        "PrincipalType": given["principal_type"],
        "PrincipalId": given["principal_id"],
    }


def _what(step: Step) -> str:
    given = {key: plain(str(value)) for key, value in step.arguments.items()}
    if "group_id" in given:
        return f"membership of the user {given['user_id']} in the group {given['group_id']}"
    return (
        f"assignment of {given['permission_set_arn']} in account {given['target_account_id']} "
        f"to the {given['principal_type'].lower()} {given['principal_id']}"
    )


def _said(step: Step, there: bool) -> str:
    return f"The {_what(step)} is {'there' if there else 'there no more'}."


def _sso_admin(aws: Aws, step: Step) -> "SSOAdminClient":
    sso_admin: SSOAdminClient = aws.client("sso-admin", step.account_id, str(step.arguments["region"]))
    return sso_admin


def _identitystore(aws: Aws, step: Step) -> "IdentityStoreClient":
    identitystore: IdentityStoreClient = aws.client("identitystore", step.account_id, str(step.arguments["region"]))
    return identitystore

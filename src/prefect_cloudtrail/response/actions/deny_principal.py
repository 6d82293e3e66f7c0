"""Denies an IAM user or role everything, by an inline policy; where there is no room for one, by AWS's AWSDenyAll.

Arguments of the step: `kind`, `user` or `role`; `name`, whose.

AWSDenyAll is detached by undo only where the read-back said that this step attached it.
"""

from typing import TYPE_CHECKING, Any

from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.actions._inline import (
    ROLE,
    USER,
    Holder,
    deny,
    holder,
    policy_name,
    put_up,
    read,
    snapshot,
    take_down,
    uses,
)
from prefect_cloudtrail.response.asking import asking
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

ACTION = Action(
    name="deny_principal",
    does="denies an IAM user or role everything",
    permissions=(
        "iam:AttachRolePolicy",
        "iam:AttachUserPolicy",
        "iam:DeleteRolePolicy",
        "iam:DeleteUserPolicy",
        "iam:DetachRolePolicy",
        "iam:DetachUserPolicy",
        "iam:GetAccessKeyLastUsed",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:GetUser",
        "iam:GetUserPolicy",
        "iam:ListAccessKeys",
        "iam:ListAttachedRolePolicies",
        "iam:ListAttachedUserPolicies",
        "iam:PutRolePolicy",
        "iam:PutUserPolicy",
    ),
    source='AWS, IAM User Guide, "Disabling permissions for temporary security credentials"',
)


def check(aws: Aws, step: Step) -> Check:
    """Return when the user's keys, or the role, were last used, and what a deny does not reach."""
    iam: IAMClient = aws.client("iam", step.account_id)
    found = holder(iam, step)
    said, recent = uses(iam, found)
    survives = {
        USER: "Sessions of roles that it already assumed live on, up to 12 hours; its own sessions are denied, too.",
        ROLE: "Sessions of other roles that it already assumed live on, up to 1 hour; its own are denied, too.",
    }
    return Check(
        arn=found.arn,
        before=snapshot(found, deny()) | {"attached": _attached(iam, found, _denies_all(step))},
        does=f"Denies {found} everything.",
        breaks=(f"Whatever works as {found} stops.", *said),
        survives=(survives[found.kind],),
        stops_service=recent,
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Put the deny up, or attach AWSDenyAll where the inline policies have no room for it."""
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    if put_up(iam, receipt):
        return
    found, arn = holder(iam, receipt.step), _denies_all(receipt.step)
    with asking(f"attach {arn} to {found}"):
        if found.kind == USER:
            iam.attach_user_policy(UserName=found.name, PolicyArn=arn)
        else:
            iam.attach_role_policy(RoleName=found.name, PolicyArn=arn)


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return which deny is there now; it holds with either."""
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    return _read(iam, holder(iam, receipt.step), receipt)


def undo(aws: Aws, receipt: Receipt) -> Reading:
    """Take the deny down, and detach AWSDenyAll where this step attached it."""
    taken = take_down(aws, receipt)
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    found, arn = holder(iam, receipt.step), _denies_all(receipt.step)
    ours = bool((receipt.after or {}).get("attached_here"))
    if ours and receipt.undone_by is None and _attached(iam, found, arn):
        with asking(f"detach {arn} from {found}"):
            if found.kind == USER:
                iam.detach_user_policy(UserName=found.name, PolicyArn=arn)
            else:
                iam.detach_role_policy(RoleName=found.name, PolicyArn=arn)
    attached = _attached(iam, found, arn)
    still = f" AWSDenyAll is on {found}, attached by somebody else." if attached else ""
    return Reading(
        holds=taken.holds and not (attached and ours),
        after={"policy": taken.after["policy"], "attached": attached},
        said=taken.said + still,
    )


def _read(iam: "IAMClient", found: Holder, receipt: Receipt) -> Reading:
    there = read(iam, found, receipt)
    inline = there == receipt.before["document"]
    attached = _attached(iam, found, _denies_all(receipt.step))
    after: dict[str, Any] = {
        "policy": there,
        "attached": attached,
        # Nobody else is taken to have attached it just where ours had no room.
        "attached_here": attached and there is None and not receipt.before["attached"],
    }
    if inline:
        said = f"The policy {policy_name(receipt)} is on {found}."
    elif attached:
        said = f"AWSDenyAll is on {found}."
    else:
        said = f"Neither {policy_name(receipt)} nor AWSDenyAll is on {found}."
    return Reading(holds=inline or attached, after=after, said=said)


def _attached(iam: "IAMClient", found: Holder, arn: str) -> bool:
    with asking(f"list the policies attached to {found}"):
        if found.kind == USER:
            users: Any = iam.get_paginator("list_attached_user_policies").paginate(UserName=found.name)
            return any(each["PolicyArn"] == arn for page in users for each in page["AttachedPolicies"])
        roles: Any = iam.get_paginator("list_attached_role_policies").paginate(RoleName=found.name)
        return any(each["PolicyArn"] == arn for page in roles for each in page["AttachedPolicies"])


def _denies_all(step: Step) -> str:
    partition = plain(step.target).split(":")[1] if step.target.startswith("arn:") else "aws"
    return f"arn:{partition}:iam::aws:policy/AWSDenyAll"

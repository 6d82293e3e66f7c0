"""An inline policy of ours on an IAM user or role: put up, read back, taken down. No other policy is touched.

Its document is part of the snapshot, so that it is known for ours as long as the receipt is kept; its name ends in the
receipt's id.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from prefect_cloudtrail.errors import ActionError, ChangedSinceError, TargetGoneError
from prefect_cloudtrail.response.actions import Aws, Reading
from prefect_cloudtrail.response.actions._use import Use, user_keys
from prefect_cloudtrail.response.asking import asking, code
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

USER, ROLE = "user", "role"
# Of all inline policies together, whitespace not counted.
QUOTAS = {USER: 2_048, ROLE: 10_240}
_ONLY_AWS = ("/aws-service-role/", "/aws-reserved/")

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Holder:
    """An IAM user or role, as AWS says it now.

    Attributes:
        kind: `user` or `role`.
        name: the user's or role's.
        unique_id: AIDA... or AROA...: another one where it was deleted and made anew.
        path: where it stands; some paths only AWS may change.
        use: of a role, its last use; of a user, its last sign-in to the console.
        arn: with its path.
    """

    kind: str
    name: str
    unique_id: str
    path: str
    use: Use
    arn: str

    def __str__(self) -> str:
        return f"the {self.kind} {plain(self.name)}"


def policy_name(receipt: Receipt) -> str:
    """Return the name of the policy that the receipt's step puts up."""
    return f"prefect-cloudtrail-{receipt.receipt_id}"


def deny(condition: Mapping[str, Any] | None = None, action: str | Sequence[str] = "*") -> Document:
    """Return the policy that denies the actions where the condition holds."""
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}


def holder(iam: "IAMClient", step: Step) -> Holder:
    """Return whom the step names.

    Raises:
        TargetGoneError: there is no such user or role.
        ActionError: it is neither, or one that only AWS may change.
    """
    kind, name = _named(step)
    with asking(f"find the {kind} {plain(name)}"):
        if kind == USER:
            user = iam.get_user(UserName=name)["User"]
            return Holder(kind, name, user["UserId"], user["Path"], Use(user.get("PasswordLastUsed")), user["Arn"])
        role = iam.get_role(RoleName=name)["Role"]
    last = role.get("RoleLastUsed", {})
    use = Use(last.get("LastUsedDate"), None, last.get("Region"))
    found = Holder(kind, name, role["RoleId"], role["Path"], use, role["Arn"])
    if found.path.startswith(_ONLY_AWS):
        raise ActionError(
            f"cannot put a policy on {found}: only AWS may change it ({found.path}); "
            "of an Identity Center role, change the permission set or deny by SCP"
        )
    return found


def snapshot(found: Holder, document: Document) -> dict[str, Any]:
    """Return what undo needs: whom, and the policy that is to be put up."""
    return {"kind": found.kind, "name": found.name, "unique_id": found.unique_id, "document": document}


def uses(iam: "IAMClient", found: Holder) -> tuple[tuple[str, ...], bool]:
    """Return when it was last used, in sentences, and whether it is in service."""
    if found.kind == ROLE:
        return (f"The role {plain(found.name)} was {found.use.words}.",), found.use.recent
    keys = [key for key in user_keys(iam, found.name) if key.status == "Active"]
    said = tuple(key.words for key in keys)
    if found.use.at is not None:
        at = f"{found.use.at:%Y-%m-%d %H:%M} UTC"
        said = (*said, f"The user {plain(found.name)} last signed in to the console at {at}.")
    return said, found.use.recent or any(key.use.recent for key in keys)


def put_up(iam: "IAMClient", receipt: Receipt) -> bool:
    """Put the snapshot's policy up, and return whether there was room for it."""
    found = _same(iam, receipt)
    document: Document = receipt.before["document"]
    if any(statement["Effect"] != "Deny" for statement in document["Statement"]):
        raise ActionError(
            f"cannot change {found}: the receipt {receipt.receipt_id} holds a policy that allows something"
        )
    name, text = policy_name(receipt), json.dumps(document, separators=(",", ":"))
    try:
        with asking(f"put the policy {name} on {found}"):
            if found.kind == USER:
                iam.put_user_policy(UserName=found.name, PolicyName=name, PolicyDocument=text)
            else:
                iam.put_role_policy(RoleName=found.name, PolicyName=name, PolicyDocument=text)
    except ActionError as error:
        if isinstance(error.__cause__, ClientError) and code(error.__cause__) == "LimitExceeded":
            return False
        raise
    return True


def put_up_or_refuse(aws: Aws, receipt: Receipt, instead: str) -> None:
    """Put the snapshot's policy up.

    Raises:
        ActionError: among them: there is no room for it; take `instead`.
    """
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    if not put_up(iam, receipt):
        kind, name = _named(receipt.step)
        raise ActionError(
            f"cannot put the policy {policy_name(receipt)} on the {kind} {plain(name)}: "
            f"its inline policies have no room for it in {QUOTAS[kind]:,} characters; {instead}"
        )


def read_back(aws: Aws, receipt: Receipt) -> Reading:
    """Return the policy of ours that is there now; it holds where it is as it was put up."""
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    found = _same(iam, receipt)
    there = read(iam, found, receipt)
    return Reading(
        holds=there == receipt.before["document"], after={"policy": there}, said=_said(found, receipt, there)
    )


def take_down(aws: Aws, receipt: Receipt) -> Reading:
    """Take the policy of ours down, and return what is there now; it holds where the policy is not.

    Raises:
        ChangedSinceError: it is not as it was put up.
    """
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    found = _same(iam, receipt)
    there = read(iam, found, receipt)
    if there is not None and receipt.undone_by is None:
        if there != receipt.before["document"]:
            raise ChangedSinceError(
                f"the policy {policy_name(receipt)} of {found} is left as it is: somebody changed it since; "
                "take it down by hand if it is not needed"
            )
        remove(iam, found, receipt)
        there = read(iam, found, receipt)
    return Reading(holds=there is None, after={"policy": there}, said=_said(found, receipt, there))


def read(iam: "IAMClient", found: Holder, receipt: Receipt) -> Document | None:
    """Return the policy under the receipt's name; None where there is none."""
    name = policy_name(receipt)
    try:
        with asking(f"read the policy {name} of {found}"):
            if found.kind == USER:
                document: Any = iam.get_user_policy(UserName=found.name, PolicyName=name)["PolicyDocument"]
            else:
                document = iam.get_role_policy(RoleName=found.name, PolicyName=name)["PolicyDocument"]
    except TargetGoneError:
        return None  # the user or role was there just now
    return dict(document)


def remove(iam: "IAMClient", found: Holder, receipt: Receipt) -> None:
    """Take down the policy under the receipt's name."""
    name = policy_name(receipt)
    with asking(f"take the policy {name} off {found}"):
        if found.kind == USER:
            iam.delete_user_policy(UserName=found.name, PolicyName=name)
        else:
            iam.delete_role_policy(RoleName=found.name, PolicyName=name)


def _same(iam: "IAMClient", receipt: Receipt) -> Holder:
    """Return whom the snapshot was taken of; one made anew under the same name is another."""
    found = holder(iam, receipt.step)
    if found.unique_id != receipt.before["unique_id"]:
        raise TargetGoneError(
            f"{found} is another one now: {receipt.before['unique_id']} was deleted, {found.unique_id} made since"
        )
    return found


def _said(found: Holder, receipt: Receipt, there: Document | None) -> str:
    name = policy_name(receipt)
    if there is None:
        return f"The policy {name} is not on {found}."
    if there != receipt.before["document"]:
        return f"The policy {name} of {found} is not as it was put up."
    return f"The policy {name} is on {found}."


def _named(step: Step) -> tuple[str, str]:
    kind, name = str(step.arguments["kind"]), str(step.arguments["name"])
    if kind not in QUOTAS:
        raise ActionError(f"cannot take {step.action} on a {plain(kind)}: name a user or a role")
    return kind, name

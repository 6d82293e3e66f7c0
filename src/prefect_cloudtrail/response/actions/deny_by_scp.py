"""Denies somebody everything in a member account, by a service control policy that nobody in the account can touch.

Arguments of the step: `target_account_id`, the member account; and whom, one of `user_id` (`aws:userid` of a session),
`identitystore_user_id` (an Identity Center user) and `principal_arn` (`arn:aws:iam::ACCOUNT:root` is its root).
`account_id` of the step is the organisation's management account, or its delegated administrator for policies.

A policy does not reach the management account itself, nor service-linked roles.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from prefect_cloudtrail.errors import ActionError, ChangedSinceError
from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.actions._inline import Document, deny, policy_name
from prefect_cloudtrail.response.asking import asking, code
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_organizations import OrganizationsClient

_WHOM = {
    "user_id": ("StringEquals", "aws:userid"),
    "identitystore_user_id": ("StringEquals", "identitystore:UserId"),
    "principal_arn": ("ArnEquals", "aws:PrincipalArn"),
}

ACTION = Action(
    name="deny_by_scp",
    does="denies somebody everything in a member account, by service control policy",
    permissions=(
        "organizations:AttachPolicy",
        "organizations:CreatePolicy",
        "organizations:DeletePolicy",
        "organizations:DescribeOrganization",
        "organizations:DescribePolicy",
        "organizations:DetachPolicy",
        "organizations:ListPolicies",
        "organizations:ListTargetsForPolicy",
    ),
    source='AWS, IAM Identity Center User Guide, "Deny user access with Service Control Policies"',
)


def check(aws: Aws, step: Step) -> Check:
    """Return who is denied, and what goes on.

    Raises:
        ActionError: among them: the account is the management account, which no policy reaches.
    """
    organizations: OrganizationsClient = aws.client("organizations", step.account_id)
    account, whom, condition = _account(step), _whom(step), _condition(step)
    with asking("look at the organisation"):
        management = organizations.describe_organization()["Organization"].get("MasterAccountId")
    if account == management:
        raise ActionError(
            f"cannot deny {whom} in account {account} by SCP: it is the management account, which none reaches; "
            "put the deny on the user or role instead"
        )
    return Check(
        before={"document": deny(condition), "target_account_id": account},
        does=f"Denies {whom} everything in account {account}, by a service control policy.",
        breaks=(f"Whatever works as {whom} in account {account} stops.",),
        survives=(
            f"What {whom} can do in other accounts goes on.",
            "Sessions of other roles that it already assumed live on, up to 1 hour.",
        ),
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Create the policy and attach it; what of it is there already is left."""
    organizations: OrganizationsClient = aws.client("organizations", receipt.step.account_id)
    account, name = _account(receipt.step), policy_name(receipt)
    policy_id = _found(organizations, receipt)
    created = policy_id is None
    if policy_id is None:
        with asking(f"create the service control policy {name}"):
            made: Any = organizations.create_policy(
                Name=name,
                Description=f"Incident {receipt.incident_id}",
                Type="SERVICE_CONTROL_POLICY",
                Content=json.dumps(receipt.before["document"], separators=(",", ":")),
            )
        policy_id = str(made["Policy"]["PolicySummary"]["Id"])
    if account in _targets(organizations, policy_id, name):
        return
    try:
        with asking(f"attach the service control policy {name} to account {account}"):
            organizations.attach_policy(PolicyId=policy_id, TargetId=account)
    except ActionError as error:
        if isinstance(error.__cause__, ClientError) and code(error.__cause__) == "DuplicatePolicyAttachmentException":
            return
        if created:  # it stands nowhere, and no receipt would take it away
            _delete(organizations, policy_id, name)
        raise


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return the policy that is there now; it holds where it is attached, and as we wrote it."""
    organizations: OrganizationsClient = aws.client("organizations", receipt.step.account_id)
    return _read(organizations, receipt)


def undo(aws: Aws, receipt: Receipt) -> Reading:
    """Detach the policy and delete it.

    Raises:
        ChangedSinceError: it is not as we wrote it, or somebody attached it elsewhere, too.
    """
    organizations: OrganizationsClient = aws.client("organizations", receipt.step.account_id)
    account, name = _account(receipt.step), policy_name(receipt)
    policy_id = _found(organizations, receipt)
    if policy_id is not None and receipt.undone_by is None:
        if _document(organizations, policy_id, name) != receipt.before["document"]:
            raise ChangedSinceError(
                f"the service control policy {name} is left as it is: somebody changed it since; "
                "detach it by hand if it is not needed"
            )
        targets = _targets(organizations, policy_id, name)
        elsewhere = [target for target in targets if target != account]
        if elsewhere:
            raise ChangedSinceError(
                f"the service control policy {name} is left as it is: somebody attached it to {', '.join(elsewhere)}, "
                "too; detach it by hand if it is not needed"
            )
        if targets:
            with asking(f"detach the service control policy {name} from account {account}"):
                organizations.detach_policy(PolicyId=policy_id, TargetId=account)
        _delete(organizations, policy_id, name)
    reading = _read(organizations, receipt)
    return Reading(holds=reading.after["policy_id"] is None, after=reading.after, said=reading.said)


def _read(organizations: "OrganizationsClient", receipt: Receipt) -> Reading:
    account, name = _account(receipt.step), policy_name(receipt)
    policy_id = _found(organizations, receipt)
    if policy_id is None:
        said = f"There is no service control policy {name}."
        return Reading(holds=False, after={"policy_id": None, "document": None, "targets": []}, said=said)
    document, targets = _document(organizations, policy_id, name), _targets(organizations, policy_id, name)
    as_written, attached = document == receipt.before["document"], account in targets
    if not as_written:
        said = f"The service control policy {name} is not as it was written."
    else:
        said = f"The service control policy {name} is {'' if attached else 'not '}attached to account {account}."
    after = {"policy_id": policy_id, "document": document, "targets": targets}
    return Reading(holds=as_written and attached, after=after, said=said)


def _found(organizations: "OrganizationsClient", receipt: Receipt) -> str | None:
    name = policy_name(receipt)
    with asking(f"look for the service control policy {name}"):
        pages: Any = organizations.get_paginator("list_policies").paginate(Filter="SERVICE_CONTROL_POLICY")
        return next((each["Id"] for page in pages for each in page["Policies"] if each["Name"] == name), None)


def _document(organizations: "OrganizationsClient", policy_id: str, name: str) -> Document:
    with asking(f"read the service control policy {name}"):
        found: Any = organizations.describe_policy(PolicyId=policy_id)
    document: Document = json.loads(found["Policy"]["Content"])
    return document


def _targets(organizations: "OrganizationsClient", policy_id: str, name: str) -> list[str]:
    with asking(f"list where the service control policy {name} is attached"):
        pages: Any = organizations.get_paginator("list_targets_for_policy").paginate(PolicyId=policy_id)
        return sorted(each["TargetId"] for page in pages for each in page["Targets"])


def _delete(organizations: "OrganizationsClient", policy_id: str, name: str) -> None:
    with asking(f"delete the service control policy {name}"):
        organizations.delete_policy(PolicyId=policy_id)


def _condition(step: Step) -> Mapping[str, Any]:
    key = _key(step)
    operator, name = _WHOM[key]
    return {operator: {name: str(step.arguments[key])}}


def _whom(step: Step) -> str:
    value = plain(str(step.arguments[_key(step)]))
    return {
        "user_id": f"the session {value}",
        "identitystore_user_id": f"the Identity Center user {value}",
        "principal_arn": value,
    }[_key(step)]


def _key(step: Step) -> str:
    given = [key for key in _WHOM if step.arguments.get(key)]
    if len(given) != 1:
        raise ActionError(f"cannot deny by SCP in {_account(step)}: give one of {', '.join(_WHOM)}, whom to deny")
    return given[0]


def _account(step: Step) -> str:
    return plain(str(step.arguments["target_account_id"]))

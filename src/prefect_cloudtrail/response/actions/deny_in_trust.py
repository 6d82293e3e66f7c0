"""Adds a deny to a role's trust policy: nobody, or not this principal or account, can assume it any more.

Arguments of the step: `role_name`; to narrow it, one of `principal_arn` (whom: of a session, its role) and
`from_account_id` (whose principals). Without either, nobody can assume the role.

The policy as it was is in the snapshot; undo takes away the one statement that bears the receipt's id, so what others
changed since stays. IAM has no way to write only if nobody else did: who edits the trust policy in the same second
undoes one of the two, which the read-back shows.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from prefect_cloudtrail.errors import ActionError, ChangedSinceError, TargetGoneError
from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.actions._use import Use
from prefect_cloudtrail.response.asking import asking
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

_ASSUMES = ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"]

ACTION = Action(
    name="deny_in_trust",
    does="denies in a role's trust policy that it is assumed",
    permissions=("iam:GetRole", "iam:UpdateAssumeRolePolicy"),
    source='AWS, IAM User Guide, "Update a role trust policy"',
    approvers=2,
)


def check(aws: Aws, step: Step) -> Check:
    """Return who can no longer assume the role, and when it was last used."""
    iam: IAMClient = aws.client("iam", step.account_id)
    role = _role(iam, step)
    name = plain(str(step.arguments["role_name"]))
    if str(role["Path"]).startswith(("/aws-service-role/", "/aws-reserved/")):
        raise ActionError(f"cannot change the trust of the role {name}: only AWS may change it ({role['Path']})")
    whom = _whom(step)
    last = role.get("RoleLastUsed", {})
    use = Use(last.get("LastUsedDate"), None, last.get("Region"))
    return Check(
        arn=role["Arn"],
        before={"role_id": role["RoleId"], "trust": role["AssumeRolePolicyDocument"], "condition": _condition(step)},
        does=f"Denies in the trust policy of the role {name} that {whom or 'anybody'} assumes it.",
        breaks=(
            f"Whatever {f'of {whom} ' if whom else ''}assumes the role {name} stops when its session ends.",
            f"The role {name} was {use.words}.",
        ),
        survives=("Sessions that it has given out live on, up to 12 hours: revoke them, too.",),
        stops_service=use.recent,
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Add the deny, if it is not there as we write it."""
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    trust = _trust(iam, receipt)
    ours = _ours(receipt)
    if ours not in _statements(trust):
        kept = [each for each in _statements(trust) if each.get("Sid") != ours["Sid"]]
        _write(iam, receipt, {**trust, "Statement": [*kept, ours]})


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return the trust policy that is there now; it holds where our deny is in it."""
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    return _read(_trust(iam, receipt), receipt)


def undo(aws: Aws, receipt: Receipt) -> Reading:
    """Take our deny away; everything else stays as it is now."""
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    trust = _trust(iam, receipt)
    ours = _ours(receipt)
    found = [each for each in _statements(trust) if each.get("Sid") == ours["Sid"]]
    if found and receipt.undone_by is None:
        if found != [ours]:
            raise ChangedSinceError(
                f"the trust policy of the role {_name(receipt.step)} is left as it is: somebody changed the statement "
                f"{ours['Sid']} since; take it away by hand if it is not needed"
            )
        others = [each for each in _statements(trust) if each != ours]
        # Letter for letter as it was, where nobody else changed it.
        was = receipt.before["trust"]
        _write(iam, receipt, was if others == _statements(was) else {**trust, "Statement": others})
        trust = _trust(iam, receipt)
    reading = _read(trust, receipt)
    return Reading(holds=not reading.after["there"], after=reading.after, said=reading.said)


def _read(trust: Mapping[str, Any], receipt: Receipt) -> Reading:
    there = _ours(receipt) in _statements(trust)
    said = f"The deny {_ours(receipt)['Sid']} is {'' if there else 'not '}in the trust policy of {_name(receipt.step)}."
    return Reading(holds=there, after={"there": there, "trust": trust}, said=said)


def _ours(receipt: Receipt) -> dict[str, Any]:
    sid = "PrefectCloudtrail" + "".join(letter for letter in receipt.receipt_id if letter.isalnum())
    statement = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": _ASSUMES}
    condition = _condition(receipt.step)
    return statement | ({"Condition": condition} if condition else {})


def _condition(step: Step) -> dict[str, Any]:
    # By condition, not as Principal: IAM would look the principal up, and refuse one that it does not know.
    given = step.arguments
    if given.get("principal_arn") and given.get("from_account_id"):
        raise ActionError(
            f"cannot change the trust of {plain(step.target)}: give a principal_arn or a from_account_id, not both"
        )
    if given.get("principal_arn"):
        return {"ArnEquals": {"aws:PrincipalArn": given["principal_arn"]}}
    if given.get("from_account_id"):
        return {"StringEquals": {"aws:PrincipalAccount": given["from_account_id"]}}
    return {}


def _whom(step: Step) -> str | None:
    given = step.arguments
    if given.get("from_account_id"):
        return f"account {plain(str(given['from_account_id']))}"
    return plain(str(given["principal_arn"])) if given.get("principal_arn") else None


def _statements(trust: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = trust.get("Statement", [])
    return list(found) if isinstance(found, list) else [found]


def _trust(iam: "IAMClient", receipt: Receipt) -> dict[str, Any]:
    role = _role(iam, receipt.step)
    if role["RoleId"] != receipt.before["role_id"]:
        raise TargetGoneError(f"the role {_name(receipt.step)} is another one now: it was deleted, and made anew since")
    return dict(role["AssumeRolePolicyDocument"])


def _role(iam: "IAMClient", step: Step) -> Any:  # noqa: ANN401 - boto3's own
    with asking(f"look at the role {_name(step)}"):
        return iam.get_role(RoleName=str(step.arguments["role_name"]))["Role"]


def _write(iam: "IAMClient", receipt: Receipt, trust: Mapping[str, Any]) -> None:
    with asking(f"change the trust policy of the role {_name(receipt.step)}"):
        iam.update_assume_role_policy(
            RoleName=str(receipt.step.arguments["role_name"]), PolicyDocument=json.dumps(trust, separators=(",", ":"))
        )


def _name(step: Step) -> str:
    return plain(str(step.arguments["role_name"]))

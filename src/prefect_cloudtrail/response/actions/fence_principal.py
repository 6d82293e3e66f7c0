"""Denies an IAM user or role what does not come from its usual networks: the thief stops, the service goes on.

Arguments of the step: `kind`, `user` or `role`; `name`, whose; `networks`, the CIDR prefixes that it may go on calling
from; `vpc_endpoints`, ids of our own endpoints (vpce-...), where they are known.

A call through a VPC endpoint has no public address, so it passes the fence: through the endpoints that are named, or,
where none are, through any at all, a thief's own in another account among them. What an AWS service does on the
principal's behalf passes, too.
"""

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.actions._inline import (
    deny,
    holder,
    put_up_or_refuse,
    read_back,
    snapshot,
    take_down,
    uses,
)
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

ACTION = Action(
    name="fence_principal",
    does="denies an IAM user or role everything from outside its usual networks",
    permissions=(
        "iam:DeleteRolePolicy",
        "iam:DeleteUserPolicy",
        "iam:GetAccessKeyLastUsed",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:GetUser",
        "iam:GetUserPolicy",
        "iam:ListAccessKeys",
        "iam:PutRolePolicy",
        "iam:PutUserPolicy",
    ),
    source='AWS, IAM User Guide, "AWS: Denies access to AWS based on the source IP"',
)


def check(aws: Aws, step: Step) -> Check:
    """Return which networks stay open, what passes the fence, and when it was last used."""
    networks, endpoints = _networks(step), _endpoints(step)
    iam: IAMClient = aws.client("iam", step.account_id)
    found = holder(iam, step)
    said, _ = uses(iam, found)
    through = f"the VPC endpoints {', '.join(endpoints)}" if endpoints else "any VPC endpoint, the thief's own too,"
    return Check(
        arn=found.arn,
        before=snapshot(found, deny(_outside(networks, endpoints))),
        does=f"Denies {found} everything that does not come from {', '.join(networks)}.",
        breaks=(f"Whatever works as {found} from elsewhere stops; from there it goes on.", *said),
        survives=(
            f"A thief who calls from {', '.join(networks)} goes on.",
            f"Calls through {through} pass, and what AWS services do on its behalf.",
            "Sessions of roles that it already assumed live on, up to 12 hours.",
        ),
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Put the fence up."""
    put_up_or_refuse(aws, receipt, "name fewer networks, or deny it everything instead")


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return the fence that is there now."""
    return read_back(aws, receipt)


def undo(aws: Aws, receipt: Receipt) -> Reading:
    """Take the fence down."""
    return take_down(aws, receipt)


def _outside(networks: list[str], endpoints: list[str]) -> dict[str, Any]:
    # Without an address, NotIpAddress holds: a call through a VPC endpoint would be denied without the third.
    through = {"StringNotEquals": {"aws:SourceVpce": endpoints}} if endpoints else {"Null": {"aws:SourceVpce": "true"}}
    return {
        "NotIpAddress": {"aws:SourceIp": networks},
        "Bool": {"aws:ViaAWSService": "false"},
        **through,
    }


def _networks(step: Step) -> list[str]:
    given = [str(network) for network in step.arguments["networks"]]
    try:
        networks = [str(ip_network(network)) for network in given]
    except ValueError as error:
        raise ActionError(f"cannot fence {plain(step.target)}: {error}; name CIDR prefixes") from error
    if not networks:
        raise ActionError(f"cannot fence {plain(step.target)}: no network would stay open; deny it everything instead")
    if any(network.endswith("/0") for network in networks):
        raise ActionError(
            f"cannot fence {plain(step.target)}: a network of all addresses is no fence; name its usual ones"
        )
    return networks


def _endpoints(step: Step) -> list[str]:
    return [str(endpoint) for endpoint in step.arguments.get("vpc_endpoints", ())]

"""Denies a role's sessions that began before a moment everything: of one session's name, of one instance, or all.

Arguments of the step: `role_name`; `issued_before`, the moment as ISO 8601 with its offset, by default 30 seconds after
the snapshot; to narrow it, one of `user_id`, the session's `aws:userid` (`AROA...:name`), and `instance_arn`, the EC2
instance whose sessions they are. Without either, all of the role's sessions: two people then, where it is shared.

The roles that only AWS may change, service-linked ones and Identity Center's AWSReservedSSO_*, are refused.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from prefect_cloudtrail.errors import ActionError
from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.actions._inline import (
    ROLE,
    deny,
    holder,
    put_up_or_refuse,
    read_back,
    snapshot,
    take_down,
)
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

# Sessions given out while the policy spreads are denied, too.
_SPREADS = timedelta(seconds=30)

ACTION = Action(
    name="revoke_sessions",
    does="denies a role's sessions that began before now",
    permissions=("iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy"),
    source='AWS, IAM User Guide, "Revoke IAM role temporary security credentials"',
)


def check(aws: Aws, step: Step) -> Check:
    """Return which sessions end, which go on, and when the role was last used."""
    iam: IAMClient = aws.client("iam", step.account_id)
    found = holder(iam, _on_role(step))
    before = _issued_before(step)
    at = f"{before:%Y-%m-%d %H:%M:%S} UTC"
    only = _only(step)
    breaks = {
        "user_id": f"Everybody whose session is called {plain(str(only.get('user_id')))} must begin a new one.",
        "instance_arn": f"Whatever works on {plain(str(only.get('instance_arn')))} stops for up to 6 hours, "
        "until its credentials are fresh; reassociating its profile makes them so.",
    }
    whose = next((f"of {plain(str(value))}" for value in only.values()), "of everybody")
    return Check(
        arn=found.arn,
        before=snapshot(found, deny(_condition(before, only))) | {"issued_before": before.isoformat()},
        does=f"Denies the sessions {whose} of {found} that began before {at} everything.",
        breaks=(
            next((breaks[key] for key in only), f"Everybody and everything that works as {found} must begin anew."),
            f"The role {plain(found.name)} was {found.use.words}.",
        ),
        survives=(
            f"A new session works: whoever can assume {found} still can, until its trust or the source is fixed.",
            "Sessions of other roles that it already assumed live on, up to 1 hour.",
            *(("The other sessions of the role go on.",) if only else ()),
        ),
        stops_service=found.use.recent and "user_id" not in only,
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Put the deny up."""
    put_up_or_refuse(aws, _by_role(receipt), "deny the role everything instead, which needs no room")


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return the deny that is there now."""
    return read_back(aws, _by_role(receipt))


def undo(aws: Aws, receipt: Receipt) -> Reading:
    """Take the deny down."""
    return take_down(aws, _by_role(receipt))


def _condition(before: datetime, only: Mapping[str, str]) -> dict[str, Any]:
    # UTC in whole seconds, as IAM's own console writes it.
    condition: dict[str, Any] = {"DateLessThan": {"aws:TokenIssueTime": f"{before:%Y-%m-%dT%H:%M:%SZ}"}}
    if "user_id" in only:
        condition["StringEquals"] = {"aws:userid": only["user_id"]}
    if "instance_arn" in only:
        condition["ArnEquals"] = {"ec2:SourceInstanceArn": only["instance_arn"]}
    return condition


def _only(step: Step) -> dict[str, str]:
    given = {key: str(step.arguments[key]) for key in ("user_id", "instance_arn") if step.arguments.get(key)}
    if len(given) > 1:
        raise ActionError(f"cannot revoke sessions of {plain(step.target)}: give user_id or instance_arn, not both")
    if ":" not in given.get("user_id", ":"):
        raise ActionError(
            f"cannot revoke sessions of {plain(step.target)}: {plain(given['user_id'])} is no session; "
            "give aws:userid whole, AROA...:name"
        )
    return given


def _issued_before(step: Step) -> datetime:
    given = step.arguments.get("issued_before")
    if given is None:
        return (datetime.now(UTC) + _SPREADS).replace(microsecond=0)
    try:
        moment = datetime.fromisoformat(str(given))
    except ValueError as error:
        raise ActionError(f"cannot revoke sessions of {plain(step.target)}: {error}") from error
    if moment.tzinfo is None:
        raise ActionError(
            f"cannot revoke sessions of {plain(step.target)}: {plain(str(given))} has no offset; end it in Z"
        )
    return moment.astimezone(UTC)


def _on_role(step: Step) -> Step:
    return replace(step, arguments={**step.arguments, "kind": ROLE, "name": step.arguments["role_name"]})


def _by_role(receipt: Receipt) -> Receipt:
    return replace(receipt, step=_on_role(receipt.step))

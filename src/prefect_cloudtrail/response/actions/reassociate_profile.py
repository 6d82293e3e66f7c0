"""Associates an EC2 instance's profile anew, so that it gets fresh credentials while its old ones stay denied.

Arguments of the step: `instance_id`; `region`, the instance's.

The profile stays what it was, so there is nothing for undo to give back; the association's id is another one, which is
how a second run knows that the first one did it.
"""

from typing import TYPE_CHECKING, Any

from prefect_cloudtrail.errors import ChangedSinceError, TargetGoneError
from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.asking import asking
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client

_THERE = ("associating", "associated")

ACTION = Action(
    name="reassociate_profile",
    does="gives an EC2 instance fresh credentials of its own role",
    permissions=(
        "ec2:DescribeIamInstanceProfileAssociations",
        "ec2:ReplaceIamInstanceProfileAssociation",
        "iam:PassRole",
    ),
    source='AWS, EC2 API Reference, "ReplaceIamInstanceProfileAssociation"',
)


def check(aws: Aws, step: Step) -> Check:
    """Return which profile it is."""
    found = _association(_ec2(aws, step), step)
    instance_id = plain(str(step.arguments["instance_id"]))
    return Check(
        before=found,
        does=f"Associates the instance profile {plain(found['profile_arn'])} with {instance_id} anew.",
        breaks=(f"What runs on {instance_id} may fail for a few minutes, until it takes up the fresh credentials.",),
        survives=(
            f"An attacker who is on {instance_id} gets the fresh credentials, too: isolate the instance if so.",
            "The old credentials live on, up to 6 hours, unless they are denied: revoke the role's sessions first.",
        ),
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Associate the profile anew, if that was not done."""
    ec2 = _ec2(aws, receipt.step)
    found = _association(ec2, receipt.step)
    if found["association_id"] != receipt.before["association_id"]:
        return  # by us, or by somebody who gave it another profile
    profile_arn = receipt.before["profile_arn"]
    with asking(f"associate the instance profile {plain(profile_arn)} with {_instance(receipt.step)} anew"):
        ec2.replace_iam_instance_profile_association(
            AssociationId=found["association_id"], IamInstanceProfile={"Arn": profile_arn}
        )


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return the association that is there now; it holds where it is a new one of the same profile."""
    return _read(_association(_ec2(aws, receipt.step), receipt.step), receipt)


def undo(aws: Aws, receipt: Receipt) -> Reading:
    """Return the association that is there now: the profile is what it was, and old credentials cannot come back."""
    reading = _read(_association(_ec2(aws, receipt.step), receipt.step), receipt)
    profile_arn = reading.after["profile_arn"]
    if profile_arn != receipt.before["profile_arn"]:
        raise ChangedSinceError(
            f"the instance {_instance(receipt.step)} is left as it is: "
            f"somebody gave it the profile {plain(profile_arn)} since"
        )
    return Reading(holds=True, after=reading.after, said=reading.said)


def _read(found: dict[str, str], receipt: Receipt) -> Reading:
    before = receipt.before
    same = found["profile_arn"] == before["profile_arn"]
    anew = found["association_id"] != before["association_id"]
    instance, profile = _instance(receipt.step), plain(found["profile_arn"])
    if not same:
        said = f"The instance {instance} has another profile now: {profile}."
    elif anew:
        said = f"The instance {instance} has a new association with {profile}."
    else:
        said = f"The instance {instance} has its old association with {profile} still."
    return Reading(holds=same and anew, after=found, said=said)


def _association(ec2: "EC2Client", step: Step) -> dict[str, str]:
    instance_id = str(step.arguments["instance_id"])
    with asking(f"look at the instance profile of {plain(instance_id)}"):
        pages = ec2.get_paginator("describe_iam_instance_profile_associations").paginate(
            Filters=[{"Name": "instance-id", "Values": [instance_id]}]
        )
        found: list[Any] = [each for page in pages for each in page["IamInstanceProfileAssociations"]]
    for each in found:
        if each["State"] in _THERE:
            return {"association_id": each["AssociationId"], "profile_arn": each["IamInstanceProfile"]["Arn"]}
    raise TargetGoneError(f"the instance {plain(instance_id)} has no instance profile, or is there no more")


def _instance(step: Step) -> str:
    return plain(str(step.arguments["instance_id"]))


def _ec2(aws: Aws, step: Step) -> "EC2Client":
    ec2: EC2Client = aws.client("ec2", step.account_id, str(step.arguments["region"]))
    return ec2

"""Sets an IAM user's access key Inactive: nobody can sign with it, until undo sets it Active.

Arguments of the step: `user_name`, whose key it is; `access_key_id`, which.

AWS keeps no note of who set a key's status, or when. So undo takes for changed what it can see: the key's status is
neither what we set nor what it was, or the user has a key that it did not have then, as after a rotation. Whether
somebody turned the key on and off again cannot be seen here; the receipts say whether one of ours did.
"""

from typing import TYPE_CHECKING

from prefect_cloudtrail.errors import ActionError, ChangedSinceError, TargetGoneError
from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.actions._use import key_statuses, key_use, user_keys
from prefect_cloudtrail.response.asking import asking
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

ACTION = Action(
    name="disable_access_key",
    does="sets an IAM user's access key Inactive",
    permissions=("iam:GetAccessKeyLastUsed", "iam:GetUser", "iam:ListAccessKeys", "iam:UpdateAccessKey"),
    source='AWS, IAM User Guide, "Update access keys"',
)


def check(aws: Aws, step: Step) -> Check:
    """Return whose key it is, when it was last used and by which service, and the user's other keys."""
    iam: IAMClient = aws.client("iam", step.account_id)
    user_name, key_id = _named(step)
    owner, use = key_use(iam, key_id)
    if owner != user_name:
        belongs = f"it belongs to {plain(owner)}" if owner else "AWS names no owner"
        raise ActionError(f"cannot disable the access key {key_id} of {plain(user_name)}: {belongs}; propose it again")
    keys = {key.access_key_id: key for key in user_keys(iam, user_name)}
    if key_id not in keys:
        raise TargetGoneError(f"cannot disable the access key {key_id} of {plain(user_name)}: it is there no more")
    others = [key for key in keys.values() if key.access_key_id != key_id and key.status == "Active"]
    before = {
        "user_name": user_name,
        "access_key_id": key_id,
        "status": keys[key_id].status,
        "keys": {key.access_key_id: key.status for key in keys.values()},
    }
    active = keys[key_id].status == "Active"
    with asking(f"find the user {plain(user_name)}"):
        arn = iam.get_user(UserName=user_name)["User"]["Arn"]
    return Check(
        arn=arn,
        before=before,
        does=f"Sets the access key {key_id} of {plain(user_name)} Inactive."
        if active
        else f"The access key {key_id} of {plain(user_name)} is {keys[key_id].status} already.",
        breaks=(f"Whatever signs with {key_id} stops: it was {use.words}.",) if active else (),
        survives=(
            "Sessions made from it live on: up to 36 hours of the user's own, up to 12 hours of each role.",
            *(f"Its other key {key.access_key_id} stays on: it was {key.use.words}." for key in others),
        ),
        stops_service=active and use.recent,
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Set the key Inactive."""
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    _set(iam, receipt, "Inactive")


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return the key's status; it holds while it is not Active."""
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    return _read(iam, receipt, wanted=("Inactive", "Expired"))


def undo(aws: Aws, receipt: Receipt) -> Reading:
    """Set the key Active, if it was that and nothing speaks of another's hand; return its status."""
    iam: IAMClient = aws.client("iam", receipt.step.account_id)
    user_name, key_id = _named(receipt.step)
    was = receipt.before["status"]
    now = _read(iam, receipt, wanted=(was,))
    if now.holds or receipt.undone_by is not None:
        return now
    status = now.after["status"]
    if status != "Inactive":
        raise ChangedSinceError(
            f"the access key {key_id} of {plain(user_name)} is left as it is: it is {status}, which nobody here set"
        )
    added = sorted(set(now.after["keys"]) - set(receipt.before["keys"]))
    if added:
        raise ChangedSinceError(
            f"the access key {key_id} of {plain(user_name)} stays Inactive: the user has another key since, "
            f"{', '.join(added)}, as after a rotation; set it Active by hand if it is still needed"
        )
    _set(iam, receipt, was)
    return _read(iam, receipt, wanted=(was,))


def _set(iam: "IAMClient", receipt: Receipt, status: str) -> None:
    user_name, key_id = _named(receipt.step)
    with asking(f"set the access key {key_id} of {plain(user_name)} {status}"):
        iam.update_access_key(
            UserName=user_name, AccessKeyId=key_id, Status="Active" if status == "Active" else "Inactive"
        )


def _read(iam: "IAMClient", receipt: Receipt, wanted: tuple[str, ...]) -> Reading:
    user_name, key_id = _named(receipt.step)
    keys = key_statuses(iam, user_name)
    if key_id not in keys:
        raise TargetGoneError(f"the access key {key_id} of {plain(user_name)} is there no more")
    return Reading(
        holds=keys[key_id] in wanted,
        after={"status": keys[key_id], "keys": keys},
        said=f"The access key {key_id} of {plain(user_name)} is {keys[key_id]}.",
    )


def _named(step: Step) -> tuple[str, str]:
    return str(step.arguments["user_name"]), str(step.arguments["access_key_id"])

"""Takes a member account's root credentials away: its password, access keys and signing certificates. No undo.

Arguments of the step: `from_account_id`, the organisation's management account, or its delegated administrator for IAM,
where root access of members is managed centrally. `account_id` of the step is the member account.

AWS gives a session of the member's root that may do this one task and nothing else; to look, one that may only read.
MFA devices stay: without a password and keys they open nothing.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from prefect_cloudtrail.errors import ActionError, TargetGoneError
from prefect_cloudtrail.response.actions import Action, Aws, Check, Reading
from prefect_cloudtrail.response.actions._use import Use, key_use
from prefect_cloudtrail.response.asking import asking
from prefect_cloudtrail.response.plan import Step
from prefect_cloudtrail.response.receipt import Receipt
from prefect_cloudtrail.text import plain

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_sts import STSClient

LOOKS, DELETES = "IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials"
_MINUTES_15 = 900  # AWS gives no longer session

ACTION = Action(
    name="take_root_credentials",
    does="takes a member account's root password, access keys and signing certificates away",
    permissions=("sts:AssumeRoot",),
    source='AWS, IAM User Guide, "Perform a privileged task on an AWS Organizations member account"',
    approvers=2,
    reversible=False,
)


class Roots(Aws, Protocol):
    """Clients for every account, and with credentials that STS answered."""

    def held(self, service: str, credentials: Mapping[str, Any]) -> Any:  # noqa: ANN401 - boto3's own
        """Return a client of the service with these temporary credentials."""
        ...


def check(aws: Aws, step: Step) -> Check:
    """Return which credentials root has, and when its keys were last used."""
    if step.account_id == step.arguments["from_account_id"]:
        raise ActionError(
            f"cannot take root's credentials of {step.account_id}: it is the account that manages the others; "
            "sign in as its root, and change the password and keys by hand"
        )
    root_iam = _root(aws, step, LOOKS)
    has = _credentials(root_iam, step)
    keys = [(key, key_use(root_iam, key)[1]) for key in has["access_keys"]]
    return Check(
        before=has,
        does=f"Takes root's credentials of account {step.account_id} away: {_words(has)}. There is no undo.",
        breaks=(
            *(_broken(key, use) for key, use in keys),
            "Nobody can sign in as root there, until it is given a new password from the management account.",
        ),
        survives=("Sessions that root has open live on, up to 36 hours: deny root by SCP first.",),
        stops_service=any(use.recent for _, use in keys),
    )


def apply(aws: Aws, receipt: Receipt) -> None:
    """Take what there is: access keys first, which work from anywhere."""
    step = receipt.step
    has = _credentials(_root(aws, step, LOOKS), step)
    root_iam = _root(aws, step, DELETES)
    for key in has["access_keys"]:
        with asking(f"delete root's access key {key} of account {step.account_id}"):
            root_iam.delete_access_key(AccessKeyId=key)
    if has["password"]:
        with asking(f"delete root's password of account {step.account_id}"):
            # Without a name it is the caller's own, which the types of boto3 do not know for a password.
            cast("Any", root_iam).delete_login_profile()
    for certificate in has["certificates"]:
        with asking(f"delete root's signing certificate {certificate} of account {step.account_id}"):
            root_iam.delete_signing_certificate(CertificateId=certificate)


def verify(aws: Aws, receipt: Receipt) -> Reading:
    """Return which credentials root has now; it holds where there are none."""
    step = receipt.step
    has = _credentials(_root(aws, step, LOOKS), step)
    return Reading(
        holds=not any(has.values()),
        after=has,
        said=f"Root's credentials of account {step.account_id}: {_words(has)}.",
    )


def undo(aws: Aws, receipt: Receipt) -> Reading:  # noqa: ARG001 - the same of every action
    """Say that it cannot be.

    Raises:
        ActionError: always; nothing is changed.
    """
    raise ActionError(
        f"cannot give back root's credentials of account {receipt.step.account_id}: they are deleted; "
        "where root is needed, allow its password recovery from the management account (Root access management)"
    )


def _root(aws: Aws, step: Step, task: str) -> "IAMClient":
    """Return IAM as the member's root, for one task."""
    sts: STSClient = aws.client("sts", str(step.arguments["from_account_id"]))
    with asking(f"act as root of account {step.account_id} ({task})"):
        answer = sts.assume_root(
            TargetPrincipal=step.account_id,
            TaskPolicyArn={"arn": f"arn:{_partition(step)}:iam::aws:policy/root-task/{task}"},
            DurationSeconds=_MINUTES_15,
        )
    root_iam: IAMClient = cast("Roots", aws).held("iam", answer["Credentials"])
    return root_iam


def _credentials(root_iam: "IAMClient", step: Step) -> dict[str, Any]:
    of = f"of account {step.account_id}"
    with asking(f"list root's access keys {of}"):
        listed: Any = root_iam.list_access_keys()
    with asking(f"list root's signing certificates {of}"):
        certificates = [str(each["CertificateId"]) for each in root_iam.list_signing_certificates()["Certificates"]]
    try:
        with asking(f"look at root's password {of}"):
            root_iam.get_login_profile()
        password = True
    except TargetGoneError:
        password = False
    keys = sorted(str(key["AccessKeyId"]) for key in listed["AccessKeyMetadata"])
    return {"password": password, "access_keys": keys, "certificates": sorted(certificates)}


def _words(has: Mapping[str, Any]) -> str:
    there = ["its password"] if has["password"] else []
    there += [f"the access key {key}" for key in has["access_keys"]]
    there += [f"the signing certificate {certificate}" for certificate in has["certificates"]]
    return ", ".join(there) or "none"


def _broken(key: str, use: Use) -> str:
    return f"Whatever signs with root's access key {key} stops: it was {use.words}."


def _partition(step: Step) -> str:
    return plain(step.target).split(":")[1] if step.target.startswith("arn:") else "aws"

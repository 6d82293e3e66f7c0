"""Whether a second factor was asked for."""

from prefect_cloudtrail.context.asked import Answered, Asked, number
from prefect_cloudtrail.context.lookups import Unanswered

ORDER = 19
ASKS = "Is there MFA?"
PERMISSIONS = ("iam:ListMFADevices",)
_MFA = "aws.cloudtrail.user_identity.session_context.mfa_authenticated"


def answer(case: Asked) -> Answered:
    """Return with how many calls the session began with MFA, and whether the user has a device."""
    here = case.here[_MFA]
    with_mfa, without = int((here == True).sum()), int((here == False).sum())  # noqa: E712 - a column, null in between
    sentences = [f"Its sessions began with MFA in {with_mfa} of {number(with_mfa + without, 'call')}."]
    if not with_mfa + without:
        sentences = ["Its calls were signed with a lasting key or say nothing of MFA."]
    if case.user_name is None:
        return Answered(tuple(sentences))
    found = case.lookups.ask("iam", "ListMFADevices", case.incident.account_id, UserName=case.user_name)
    if isinstance(found, Unanswered):
        return Answered(tuple(sentences), (), f"whether the user has a device: {found.why}", "the sessions' records")
    devices = len(found["MFADevices"])
    return Answered(
        (*sentences, f"The user has {number(devices, 'MFA device')}." if devices else "The user has no MFA device.")
    )

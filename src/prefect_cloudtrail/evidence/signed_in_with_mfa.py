"""Against: an IAM user or root signed in to the console from here, with MFA: whoever is here has the device, too."""

from prefect_cloudtrail.strand import Strand

GROUP = "identity"
SIGN_IN = "signin:ConsoleLogin"
# Others sign in elsewhere, and a role's session may open the console with the MFA that it once began with.
KINDS = frozenset({"iam_user", "root"})


def explain(strand: Strand) -> str | None:
    """Return the sentence when it holds."""
    made = (call for call in strand.here if call.command == SIGN_IN and call.mfa and call.error is None)
    sign_in = next(made, None)
    if sign_in is None or strand.principal_kind not in KINDS:
        return None
    return f"Signed in to the console from here at {sign_in.first:%H:%M} UTC, with MFA."

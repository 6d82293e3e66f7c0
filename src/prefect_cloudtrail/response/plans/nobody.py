"""Callers whom nothing in AWS can stop: a service, nobody, a directory's user, a cohort, or one not known."""

from prefect_cloudtrail.response.plan import ManualStep, Plan
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.plans._parts import by_hand

KINDS = ("aws_service", "anonymous", "directory_user", "unknown", "cohort")

_WHAT = {
    "aws_service": (
        "look_at_service",
        "Look at what made {principal} call: the resource that the calls name, and who set it up or changed it lately.",
        "{principal} is a service of AWS: it cannot be stopped, only what it works for.",
    ),
    "anonymous": (
        "close_public_access",
        "Look at what is public: the bucket, function or queue that the calls name; switch public access off there.",
        "Nobody signed in: there is no principal to stop, only a resource to close.",
    ),
    "directory_user": (
        "disable_in_directory",
        "Disable {principal} in its directory, and end the sessions of WorkSpaces, WorkDocs or the like there.",
        "{principal} is a user of a directory: IAM has no say over it.",
    ),
    "unknown": (
        "find_caller",
        "Look at the incident's records in full: the address, the user agent, what was called; find out who it was.",
        "CloudTrail does not say who called: there is nobody to stop.",
    ),
    "cohort": (
        "look_at_network",
        "Look at who began to call from there: a new office or exit of ours, or many accounts taken over at once.",
        "Many people call from the same new place: no one of them is to be stopped for that alone.",
    ),
}


def propose(case: Case) -> tuple[Plan, ...]:
    """Return what to look at: no action is possible."""
    name, text, why = _WHAT[case.incident.principal_kind]
    principal = case.incident.principal
    return by_hand(case, ManualStep(name, text.format(principal=principal)), why=why.format(principal=principal))

"""What is proposed where nobody can be stopped in AWS, whole."""

import pytest
from plan_cases import a_case, a_plan

from prefect_cloudtrail.response.plan import ManualStep
from prefect_cloudtrail.response.plans import nobody

WHAT = {
    "aws_service": (
        "look_at_service",
        "Look at what made X call: the resource that the calls name, and who set it up or changed it lately.",
        "X is a service of AWS: it cannot be stopped, only what it works for.",
    ),
    "anonymous": (
        "close_public_access",
        "Look at what is public: the bucket, function or queue that the calls name; switch public access off there.",
        "Nobody signed in: there is no principal to stop, only a resource to close.",
    ),
    "directory_user": (
        "disable_in_directory",
        "Disable X in its directory, and end the sessions of WorkSpaces, WorkDocs or the like there.",
        "X is a user of a directory: IAM has no say over it.",
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


@pytest.mark.parametrize("kind", nobody.KINDS)
def test_nothing_is_done_in_aws_and_what_to_look_at_is_said(kind: str) -> None:
    name, text, why = WHAT[kind]
    assert nobody.propose(a_case(kind, "X")) == (
        a_plan(
            "X",
            "quarantine_principal",
            manual=(ManualStep(name, text),),
            does=(why,),
            survives=("All goes on until this is done.",),
        ),
    )

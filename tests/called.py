"""Every call to AWS that our own code makes in a test is one that the policies in deploy/iam allow its roles."""

import inspect
import json
from pathlib import Path
from typing import Any

from botocore.handlers import BUILTIN_HANDLERS

ROOT = Path(__file__).parents[1]
OURS = tuple(
    str(ROOT / "src" / "prefect_cloudtrail" / each) for each in ("context", "response", "cloudtrail", "doctor/queue.py")
)
# What a service signs its calls with, where IAM calls it otherwise.
IAM_NAMES = {"monitoring": "cloudwatch"}
# What a role may do before it is one, and what the root of a member account may do by the policy of its task.
BESIDE = {
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
    "iam:DeactivateMFADevice",
    "iam:DeleteAccessKey",
    "iam:DeleteLoginProfile",
    "iam:DeleteSigningCertificate",
    "iam:ListMFADevices",
    "iam:ListSigningCertificates",
}


def allowed() -> frozenset[str]:
    """Return the IAM actions that the policies allow."""
    found = set(BESIDE)
    for file in sorted((ROOT / "deploy" / "iam").glob("*.json")):
        for statement in json.loads(file.read_text())["Statement"]:
            found |= set(statement["Action"]) if statement["Effect"] == "Allow" else set()
    return frozenset(found)


def watch() -> None:
    """Fail a call of ours, and so the test that led to it, where no policy allows it."""
    known = allowed()

    def asked(model: Any, **_: Any) -> None:
        service = model.service_model.signing_name
        # A batch is allowed by what it does.
        action = f"{IAM_NAMES.get(service, service)}:{model.name.removesuffix('Batch')}"
        frame = inspect.currentframe()
        while frame and action not in known:
            if frame.f_code.co_filename.startswith(OURS):
                raise AssertionError(f"our code asks {action} of AWS, which no policy in deploy/iam allows")
            frame = frame.f_back

    BUILTIN_HANDLERS.append(("before-call", asked))

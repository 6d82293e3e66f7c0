"""IAM policies, made from the permissions that the code declares: of the reader's role, the responder's, and sources'.

`python -m prefect_cloudtrail.response.policies deploy/iam` (`just policies`) writes the files; a test holds them to it.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect_cloudtrail.cloudtrail import lookup, s3, sqs
from prefect_cloudtrail.context.questions import questions
from prefect_cloudtrail.doctor import queue
from prefect_cloudtrail.response.actions import actions
from prefect_cloudtrail.response.standing import PERMISSIONS

RESPONDER_ROLE = "prefect-cloudtrail-responder"
# Whoever is left when all else fails: nobody is to lock them out, by mistake or by theft of this role.
BREAK_GLASS = ("arn:aws:iam::*:user/break-glass/*", "arn:aws:iam::*:role/break-glass/*")

_ANY = ("*",)
_USERS, _ROLES = ("arn:aws:iam::*:user/*",), ("arn:aws:iam::*:role/*",)
# What everybody puts names of their own into.
TRAIL, QUEUE = "example-trail", "arn:aws:sqs:*:111122223333:example-notices"
_SCPS = ("arn:aws:organizations::*:policy/o-*/service_control_policy/p-*",)


@dataclass(frozen=True)
class Limit:
    """On what, and when, a permission is given: as narrow as IAM lets it be."""

    resources: tuple[str, ...] = _ANY
    condition: Mapping[str, Any] = field(default_factory=dict)


_DENY_ALL = {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AWSDenyAll"}}
_ROOT_TASKS = {
    "ArnEquals": {
        "sts:TaskPolicyArn": [
            "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials",
            "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials",
        ]
    }
}
# What is not here is given on everything: IAM knows no resource for it, or reading it harms nobody.
LIMITS: Mapping[str, Limit] = {
    **dict.fromkeys(sqs.PERMISSIONS, Limit((QUEUE,))),
    "s3:GetObject": Limit((f"arn:aws:s3:::{TRAIL}/AWSLogs/*",)),
    "s3:ListBucket": Limit((f"arn:aws:s3:::{TRAIL}",)),
    "ec2:ReplaceIamInstanceProfileAssociation": Limit(("arn:aws:ec2:*:*:instance/*",)),
    "iam:AttachRolePolicy": Limit(_ROLES, _DENY_ALL),
    "iam:AttachUserPolicy": Limit(_USERS, _DENY_ALL),
    "iam:DeleteRolePolicy": Limit(_ROLES),
    "iam:DeleteUserPolicy": Limit(_USERS),
    "iam:DetachRolePolicy": Limit(_ROLES, _DENY_ALL),
    "iam:DetachUserPolicy": Limit(_USERS, _DENY_ALL),
    "iam:GetAccessKeyLastUsed": Limit(_USERS),
    "iam:GetRole": Limit(_ROLES),
    "iam:GetRolePolicy": Limit(_ROLES),
    "iam:GetUser": Limit(_USERS),
    "iam:GetUserPolicy": Limit(_USERS),
    "iam:ListAccessKeys": Limit(_USERS),
    "iam:ListAttachedRolePolicies": Limit(_ROLES),
    "iam:ListAttachedUserPolicies": Limit(_USERS),
    "iam:PassRole": Limit(_ROLES, {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
    "iam:PutRolePolicy": Limit(_ROLES),
    "iam:PutUserPolicy": Limit(_USERS),
    "iam:UpdateAccessKey": Limit(_USERS),
    "iam:UpdateAssumeRolePolicy": Limit(_ROLES),
    "organizations:AttachPolicy": Limit((*_SCPS, "arn:aws:organizations::*:account/o-*/*")),
    "organizations:DeletePolicy": Limit(_SCPS),
    "organizations:DescribePolicy": Limit(_SCPS),
    "organizations:DetachPolicy": Limit((*_SCPS, "arn:aws:organizations::*:account/o-*/*")),
    "organizations:ListTargetsForPolicy": Limit(_SCPS),
    "sts:AssumeRoot": Limit(("arn:aws:iam::*:root",), _ROOT_TASKS),
}
# What a change to a user or role needs, and a thief of the role would like.
_WRITES = ("Attach", "Delete", "Detach", "Put", "Update")


def policy(permissions: Iterable[str], untouchable: Iterable[str] = ()) -> dict[str, Any]:
    """Return the policy that allows these permissions, each within its limit, and nothing on what is untouchable.

    Args:
        permissions: IAM actions, in any order, as often as they come.
        untouchable: ARNs of users and roles that nothing may be changed on, whatever else is allowed.
    """
    by_limit: dict[str, list[str]] = defaultdict(list)
    wanted = sorted(set(permissions))
    for permission in wanted:
        limit = LIMITS.get(permission, Limit())
        by_limit[json.dumps([limit.resources, limit.condition], sort_keys=True)].append(permission)
    statements: list[dict[str, Any]] = []
    for key, allowed in by_limit.items():
        resources, condition = json.loads(key)
        statement = {"Effect": "Allow", "Action": allowed, "Resource": resources}
        statements.append(statement | ({"Condition": condition} if condition else {}))
    denied = [each for each in wanted if each.startswith("iam:") and each[4:].startswith((*_WRITES, "PassRole"))]
    if denied and untouchable:
        statements.append({"Effect": "Deny", "Action": denied, "Resource": list(untouchable)})
    return {"Version": "2012-10-17", "Statement": statements}


def responder() -> dict[str, Any]:
    """Return the policy of the responder's role: all that the actions declare, and nothing else."""
    permissions = [each for action in actions().values() for each in action.ACTION.permissions]
    return policy(permissions, (*BREAK_GLASS, f"arn:aws:iam::*:role/{RESPONDER_ROLE}"))


def reader() -> dict[str, Any]:
    """Return the policy of the reader's role: what the guide's questions and the plans look up, and no more."""
    asked = [each for question in questions().values() for each in question.PERMISSIONS]
    return policy([*asked, *PERMISSIONS])


def sources() -> dict[str, dict[str, Any]]:
    """Return the policy that reading each source needs, by the source's scheme, with names to be replaced.

    A run from a queue lists nothing; doctor does, and asks CloudWatch how long a notice waited.
    """
    return {
        "s3": policy(s3.PERMISSIONS),
        "sqs": policy([*sqs.PERMISSIONS, *s3.PERMISSIONS, *queue.PERMISSIONS]),
        "lookup": policy(lookup.PERMISSIONS),
    }


def files() -> dict[str, str]:
    """Return the text of every policy file, by its name."""
    of = {"reader.json": reader(), "responder.json": responder()}
    of |= {f"source-{scheme}.json": each for scheme, each in sources().items()}
    return {name: f"{json.dumps(each, indent=2)}\n" for name, each in of.items()}


def main(folder: str) -> None:
    """Write the files into the folder."""
    for name, text in files().items():
        (Path(folder) / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

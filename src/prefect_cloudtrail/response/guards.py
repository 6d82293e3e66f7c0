"""What is never done, and what one person alone may not allow. Pure; asked when a plan is made, decided and applied."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from prefect_cloudtrail.response.actions import actions
from prefect_cloudtrail.response.plan import UNDO, Plan, Step
from prefect_cloudtrail.response.rules import Rules

ROOT = re.compile(r"arn:[^:]+:iam::(\d{12}):root")
IAM = re.compile(r"arn:[^:]+:iam::(\d{12}):(user|role)/(?:.*/)?([^/]+)")
INSTANCE = re.compile(r"arn:[^:]+:ec2:([^:]+):(\d{12}):instance/(.+)")
ASSUMED = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)(?:/.*)?")


def refusal(plan: Plan, rules: Rules) -> str | None:
    """Return why the plan is never carried out, in a sentence; None where nothing speaks against it.

    What only gives back what was, and what only people do, is refused to nobody.
    """
    steps = [step for step in plan.steps if step.undoes is None]
    if not steps:
        return None
    for name in dict.fromkeys([*_names(plan.principal), *(name for step in steps for name in _targets(step))]):
        root = ROOT.fullmatch(name)
        if root and rules.management_account is None:
            return f"{name} may be the management account's root: name management_account in the rules."
        if root and root[1] == rules.management_account:
            return "The management account's root is never touched."
        if rules.responder_role and _is_role(name, rules.responder_role):
            return f"{name} is the responder's own role: without it nothing could be undone."
        for pattern in rules.never:
            if _matches(name, pattern):
                return f"{name} is on the never-list ({pattern})."
    stray = next((step for step in steps if _strays(step)), None)
    return f"{stray.action} names another than its target {stray.target}." if stray else None


def approvers_needed(
    plan: Plan, contained_last_hour: int, rules: Rules, concerned: Collection[str]
) -> tuple[int, str | None]:
    """Return how many different people must allow the plan, and why more than one, in a sentence.

    Args:
        plan: what is asked.
        contained_last_hour: approvals settled in the hour before, those to undo not counted.
        rules: the responder's.
        concerned: who the incident is about; empty where that is not known for sure.
    """
    known = actions()
    demanding = [known[step.action].ACTION for step in plan.steps if step.action in known]
    strictest = max(demanding, key=lambda action: action.approvers, default=None)
    if strictest and strictest.approvers > max(plan.approvers, 1):
        return strictest.approvers, f"{strictest.name} takes {strictest.approvers} people."
    # Asked here again: a request is written by those who detect, who must not choose how many people it takes.
    if shared := next((step.target for step in plan.steps if _is_whole_role(step)), None):
        return max(plan.approvers, 2), f"It reaches everybody who uses {shared}."
    if plan.approvers > 1:
        return plan.approvers, plan.why_two or "This plan takes two people."
    if plan.playbook != UNDO and contained_last_hour >= rules.containments_an_hour:
        return 2, f"{contained_last_hour} containments were approved within an hour: each further one takes two people."
    if not concerned:
        return 2, "Who is concerned is not known for sure: two people must allow it."
    return 1, None


def _is_whole_role(step: Step) -> bool:
    if step.undoes:
        return False
    narrowed = {"user_id", "instance_arn"} & step.arguments.keys()
    return step.arguments.get("kind") == "role" or (step.action == "revoke_sessions" and not narrowed)


def _strays(step: Step) -> bool:
    """Return whether the arguments, by which an action finds whom it changes, name another than the step's target.

    A request is written by those who detect: the never-list must see the one that is changed.
    """
    given, target = step.arguments, IAM.fullmatch(step.target)
    kinds = {"user_name": "user", "role_name": "role", "name": given.get("kind")}
    named = [(step.account_id, kind, given[key]) for key, kind in kinds.items() if key in given]
    if any(target is None or target.groups() != each for each in named):
        return True
    if "instance_id" in given:
        instance = INSTANCE.fullmatch(step.target)
        return instance is None or instance.groups() != (given.get("region"), step.account_id, given["instance_id"])
    root = ROOT.fullmatch(step.target)
    return step.action == "take_root_credentials" and (root is None or root[1] != step.account_id)


def _targets(step: Step) -> Iterator[str]:
    yield from _names(step.target)
    for value in _texts(step.arguments):
        if value.startswith("arn:"):
            yield from _names(value)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever JSON can say
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _names(arn: str) -> Iterator[str]:
    """Yield the ARN, and the role's where it is of one of its sessions: as incidents write it, or as AWS does."""
    yield arn
    assumed = ASSUMED.fullmatch(arn)
    if assumed:
        yield f"arn:{assumed[1]}:iam::{assumed[2]}:role/{assumed[3]}"
    elif ":role/" in arn and arn.partition(":role/")[2].count("/"):
        yield arn.rpartition("/")[0]


def _is_role(arn: str, role_name: str) -> bool:
    return ":role/" in arn and arn.rpartition("/")[2].casefold() == role_name.casefold()


def _matches(arn: str, pattern: str) -> bool:
    """Return whether the pattern names the ARN; IAM knows no two names that differ in their case alone."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), arn, re.IGNORECASE | re.DOTALL) is not None

"""What a response would do: steps in AWS and steps by hand, bound by a digest to what a person approves."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

# The playbook that gives back what another one did.
UNDO = "undo"


@dataclass(frozen=True)
class Step:
    """One action on one target.

    Attributes:
        action: the action's name: its file's.
        account_id: the account it is done in.
        target: ARN of whom or what it changes.
        arguments: what else the action needs, by name, such as `access_key_id`: text, numbers, or lists of text.
        undoes: id of the receipt that it undoes; None where it applies the action.
    """

    action: str
    account_id: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    undoes: str | None = None


@dataclass(frozen=True)
class ManualStep:
    """What only a person can do; tracked until somebody says that it is done.

    Attributes:
        name: which step it is, the same whenever the plan is made: `end_portal_session`.
        text: exactly what to do, as it may be pasted.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Plan:
    """One answer to an incident, as it is proposed.

    Attributes:
        playbook: the playbook that proposes it: its file's name, or `undo`.
        incident_id: whose.
        principal: against whom.
        steps: in the order they are taken.
        manual: what people must do beside them.
        approvers: how many different people must allow it.
        why_two: why more than one, in a sentence; None where one will do.
        does: what will be done, sentences.
        breaks: who else is hurt: which service stops, sentences.
        survives: what goes on all the same: sessions, copies, sentences.
        stops_service: whether something that was in use lately would stop, so that a tick must say it was read.
    """

    playbook: str
    incident_id: str
    principal: str
    steps: tuple[Step, ...]
    manual: tuple[ManualStep, ...] = ()
    approvers: int = 1
    why_two: str | None = None
    does: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    survives: tuple[str, ...] = ()
    stops_service: bool = False

    @property
    def digest(self) -> str:
        """What an approval binds to: playbook, incident, principal, steps and manual steps; not the sentences."""
        bound = (
            self.playbook,
            self.incident_id,
            self.principal,
            [(step.action, step.account_id, step.target, step.arguments, step.undoes) for step in self.steps],
            [(step.name, step.text) for step in self.manual],
        )
        return f"sha256:{hashlib.sha256(canonical(bound)).hexdigest()}"


def is_included(smaller: Plan, larger: Plan) -> bool:
    """Return whether all that a plan does is a part of another; one that does nothing is part of none."""
    parts = {canonical(part) for part in (*larger.steps, *larger.manual)}
    asked = {canonical(part) for part in (*smaller.steps, *smaller.manual)}
    return bool(asked) and asked <= parts


def canonical(value: object) -> bytes:
    """Return the value as JSON, the same bytes for the same value: keys in order, no spaces."""
    return msgspec.json.encode(value, order="deterministic")

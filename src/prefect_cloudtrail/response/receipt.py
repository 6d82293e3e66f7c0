"""Proof of one step: what was before, what is after, who allowed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from prefect_cloudtrail.response.plan import Step


class Outcome(StrEnum):
    """How far a step has come."""

    STARTED = "started"  # the snapshot is kept; whether AWS was changed is not known yet
    APPLIED = "applied"  # changed, and read back so
    DRY_RUN = "dry_run"  # all but the change was done
    GONE = "gone"  # what it was to change is there no more
    FAILED = "failed"  # AWS refused, or the read-back does not agree; nothing more is tried without a person
    UNDONE = "undone"  # a later receipt undid it


@dataclass(frozen=True)
class Receipt:
    """What came of one step of a decision.

    Attributes:
        receipt_id: also the name's end of every policy that the step puts up.
        decision_id: who allowed it.
        incident_id: what for.
        position: of the step in its plan, from 0.
        step: the step.
        before: what was, as the action's `check` took it: kept before the first write, and never taken again.
        after: what was read back; None until then.
        outcome: how far it came.
        said: the same in a sentence.
        started_at: when the snapshot was kept.
        applied_at: when the read-back first agreed.
        verified_at: when it last agreed.
        undone_by: the receipt that undid it.
    """

    receipt_id: str
    decision_id: str
    incident_id: str
    position: int
    step: Step
    before: Mapping[str, Any]
    after: Mapping[str, Any] | None
    outcome: Outcome
    said: str
    started_at: datetime
    applied_at: datetime | None = None
    verified_at: datetime | None = None
    undone_by: str | None = None

    @property
    def may_hold(self) -> bool:
        """Whether there may be something of it in AWS to give back: it was changed, or nobody could tell yet."""
        return self.step.undoes is None and self.outcome in {Outcome.APPLIED, Outcome.STARTED}


@dataclass(frozen=True)
class TrackedStep:
    """A step by hand of an approved plan; open until somebody says that it is done."""

    decision_id: str
    incident_id: str
    name: str
    text: str
    done_at: datetime | None = None
    done_by: str | None = None
    why: str | None = None


@dataclass(frozen=True)
class Watch:
    """How quiet it is since an approved plan was applied; `next_at` is None once nothing more is looked for."""

    decision_id: str
    incident_id: str
    state: str
    said: str
    applied_at: datetime
    next_at: datetime | None
    contained_at: datetime | None

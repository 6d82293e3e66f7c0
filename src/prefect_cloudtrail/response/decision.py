"""What is asked of people, and what they answer."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from prefect_cloudtrail.response.plan import Plan


class Choice(StrEnum):
    """A responder's answer."""

    APPROVE = "approve"  # apply the plan
    LEAVE = "leave"  # leave it on
    EXPECTED = "expected"  # it was no theft: closes the incident, teaches history


@dataclass(frozen=True)
class Request:
    """A plan put before people.

    Attributes:
        request_id: unguessable; the whole value of a button.
        plan: what they are asked to allow.
        asked_at: when it was stored.
        expires_at: from then on it takes no answer; counted from its delivery.
        delivered_at: when people could first see it; None before.
    """

    request_id: str
    plan: Plan
    asked_at: datetime
    expires_at: datetime
    delivered_at: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """One person's answer to one request, signed by the responder.

    Attributes:
        decision_id: its own.
        request_id: what is answered.
        digest: of the plan as it was shown.
        choice: the answer.
        by: who: `slack:U012ABCDEF`, or `system:maria` from the responder's own terminal.
        via: where it was given: `slack` or `terminal`.
        decided_at: when.
        why: the reason, where one was given.
        key_id: which key signed.
        signature: Ed25519 over everything above, base64.
    """

    decision_id: str
    request_id: str
    digest: str
    choice: Choice
    by: str
    via: str
    decided_at: datetime
    why: str
    key_id: str
    signature: str


class SettlementOutcome(StrEnum):
    """How a request ended."""

    APPROVED = "approved"
    LEFT_ON = "left_on"
    EXPECTED = "expected"


@dataclass(frozen=True)
class Settlement:
    """The one row that ends a request: which decision was the last it took, and what came of it."""

    request_id: str
    outcome: SettlementOutcome
    decision_id: str
    settled_at: datetime


@dataclass(frozen=True)
class BreakerState:
    """Whether the breaker stops every decision and containment; `at` is None where it never was tripped or reset."""

    tripped: bool
    by: str = ""
    why: str = ""
    at: datetime | None = None

"""What came of an incident: what was asked and answered, what was done, and how it stands."""

from dataclasses import dataclass

from prefect_cloudtrail.response.decision import Decision, Request, Settlement
from prefect_cloudtrail.response.receipt import Receipt, TrackedStep, Watch
from prefect_cloudtrail.store import Responses


@dataclass(frozen=True)
class Asked:
    """A request, the answers to it, and what settled it; None while it is open."""

    request: Request
    decisions: tuple[Decision, ...]
    settlement: Settlement | None


@dataclass(frozen=True)
class Course:
    """Everything of one incident's response, each part in its order."""

    asked: tuple[Asked, ...]
    receipts: tuple[Receipt, ...]
    by_hand: tuple[TrackedStep, ...]
    watches: tuple[Watch, ...]


def course(responses: Responses, incident_id: str) -> Course:
    """Return the course of an incident's response, as it is stored."""
    return Course(
        asked=tuple(
            Asked(each, tuple(responses.decisions(each.request_id)), responses.settlement(each.request_id))
            for each in responses.requests(incident_id)
        ),
        receipts=tuple(responses.receipts(incident_id=incident_id)),
        by_hand=tuple(responses.manual_steps(incident_id)),
        watches=tuple(each for each in responses.watches() if each.incident_id == incident_id),
    )

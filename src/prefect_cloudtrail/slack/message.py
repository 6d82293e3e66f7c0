"""What is said in Slack about an incident, and everything that it is said from. Pure, but for `told`, which reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prefect_cloudtrail.cases import Incident, Severity
from prefect_cloudtrail.context import Context, read
from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.response.concerned import concerned
from prefect_cloudtrail.response.course import Course, course
from prefect_cloudtrail.response.decision import BreakerState
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.store import Store

# The names of the one message that is the incident's own, and of what a listener and its pager are called in the store.
CARD = "card"
PAGER = "pager"
LISTENER = "listener"
SLACK = "slack:"


@dataclass(frozen=True)
class Message:
    """One message about one incident; said once, however often it is made.

    Attributes:
        name: `card`, or what tells it from the incident's other messages, the same whenever it is made.
        text: what a push notification shows, and who reads the screen aloud; escaped as mrkdwn.
        blocks: Block Kit.
        follows: it is updated in place where it changes; else it stays as it was first said.
        to: None is the incident's channel, and its thread for all but the card; `U...` is a direct message;
            `pager` is the webhook.
    """

    name: str
    text: str
    blocks: tuple[Mapping[str, Any], ...]
    follows: bool = True
    to: str | None = None


@dataclass(frozen=True)
class OwnerAsked:
    """That the owner was to be asked whether it was them, and what they answered: `yes`, `no` or `unsure`."""

    member: str  # slack:U...
    asked_at: datetime
    answer: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True)
class Told:
    """Everything that an incident's card, thread and dialogs are made from, as it is at `now`.

    Attributes:
        incident: as it is now.
        course: what was asked, answered, done and watched.
        context: the guide's answers; None until they are gathered.
        rules: the responder's, or the copy that planning reads.
        breaker: how it stands.
        contained_last_hour: approvals settled in the hour before `now`.
        listener_at: when the listener last showed that it is there; None where it never did.
        groups: user groups to call, `S...`, in their order.
        first_told_at: when the card was first posted; None before.
        first_severity: as the incident was then.
        link: of the run in Prefect.
        owner: who was asked whether it was them.
        now: the time.
    """

    incident: Incident
    course: Course
    context: Context | None
    rules: Rules
    breaker: BreakerState
    contained_last_hour: int
    listener_at: datetime | None
    groups: tuple[str, ...]
    first_told_at: datetime | None
    first_severity: Severity | None
    link: str | None
    owner: OwnerAsked | None
    now: datetime

    @property
    def concerned(self) -> frozenset[str]:
        """Who the incident is about, as people who could decide; empty where that is not known."""
        return concerned(self.incident, self.rules)


def told(store: Store, incident_id: str, rules: Rules, groups: tuple[str, ...], now: datetime) -> Told:
    """Return what there is to say of an incident.

    Raises:
        StateError: the case store does not hold it.
    """
    found = store.incidents(ids=[incident_id])
    if not found:
        raise StateError(f"no incident {incident_id} in {store.home.where}")
    responses, card = store.responses, store.slack.card(incident_id)
    gathered = responses.context(incident_id)
    return Told(
        incident=found[0],
        course=course(responses, incident_id),
        context=read(gathered) if gathered else None,
        rules=rules,
        breaker=responses.breaker(),
        contained_last_hour=responses.contained_since(now - timedelta(hours=1)),
        listener_at=responses.last_beat(LISTENER),
        groups=groups,
        first_told_at=card.first_told_at if card else None,
        first_severity=Severity(card.first_severity) if card and card.first_severity else None,
        link=card.link if card else None,
        owner=_owner(store, incident_id),
        now=now,
    )


def _owner(store: Store, incident_id: str) -> OwnerAsked | None:
    row = store.slack.owner(incident_id)
    return OwnerAsked(row.member, row.asked_at, row.answer, row.answered_at) if row else None

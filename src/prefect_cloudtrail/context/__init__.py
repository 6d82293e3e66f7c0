"""7 explain: what a principal did in the 48 hours around an incident, and the investigation guide answered from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import polars as pl

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import Source
from prefect_cloudtrail.cloudtrail.folder import delivered_at
from prefect_cloudtrail.context.asked import Asked, Stamp
from prefect_cloudtrail.context.closing import Closing, checklist
from prefect_cloudtrail.context.lookups import Lookups
from prefect_cloudtrail.context.questions import questions as guide
from prefect_cloudtrail.context.trace import BEFORE, Made, Session, Trace, trace
from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.history import FORGOTTEN_AFTER_DAYS
from prefect_cloudtrail.response.actions import Aws
from prefect_cloudtrail.response.plan import canonical
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.store import Store

__all__ = ["Answer", "Context", "asked", "document", "gather", "read"]

PAST = timedelta(days=FORGOTTEN_AFTER_DAYS)


@dataclass(frozen=True)
class Answer:
    """One question of the guide, answered.

    Attributes:
        name: the question's, its file's.
        asks: the question in words.
        sentences: the answer; free of control characters, still to be escaped where it is shown.
        rows: what it was counted from.
        undetermined: why it could not be determined, whole or in part; None where it was.
        looked_at: what was looked at then.
    """

    name: str
    asks: str
    sentences: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...] = ()
    undetermined: str | None = None
    looked_at: str = ""


@dataclass(frozen=True)
class Context:
    """The guide's questions about one incident, answered, and what its principal did in short.

    Attributes:
        incident_id: which incident.
        revision: as it was then.
        gathered_at: when.
        answers: in the guide's order.
        calls: how many calls of its people and sessions the event index holds.
        records: how many of them were read again.
        sessions: what its credentials were traded for.
        made: what was made, with an undo each.
        usual_networks: prefixes it works from, without the incident's own.
        usual_calls_at: when it last called from one of those, within a day.
        incomplete: what could not be read.
        closing: what is to do until it is over.
        stamps: how far it has come.
    """

    incident_id: str
    revision: int
    gathered_at: datetime
    answers: tuple[Answer, ...]
    calls: int
    records: int
    sessions: tuple[Session, ...]
    made: tuple[Made, ...]
    usual_networks: tuple[str, ...]
    usual_calls_at: datetime | None
    incomplete: str | None
    closing: tuple[Closing, ...]
    stamps: tuple[Stamp, ...]


def gather(store: Store, source: Source, aws: Aws | None, incident: Incident, rules: Rules, now: datetime) -> Context:
    """Return the guide's questions about an incident, answered from the store, the log objects and, if allowed, AWS.

    Args:
        store: the case store.
        source: where the log objects lie.
        aws: clients with the reader's role; None: what only AWS knows is said to be not determined.
        incident: which incident.
        rules: what people set.
        now: when it is asked.

    Raises:
        StateError: a file of the state is missing.
    """
    case = asked(store, trace(store, source, incident), Lookups(aws), incident, rules, now)
    answers = []
    for name, question in guide().items():
        said = question.answer(case)
        answers.append(Answer(name, question.ASKS, said.said, said.rows, said.undetermined, said.looked_at))
    found = case.trace
    return Context(
        incident_id=incident.incident_id,
        revision=incident.revision,
        gathered_at=now,
        answers=tuple(answers),
        calls=found.calls.height,
        records=len(found.records),
        sessions=found.sessions,
        made=found.made,
        usual_networks=found.usual_networks,
        usual_calls_at=found.usual_calls_at,
        incomplete=found.incomplete,
        closing=checklist(case),
        stamps=case.stamps,
    )


def asked(store: Store, found: Trace, lookups: Lookups, incident: Incident, rules: Rules, now: datetime) -> Asked:
    """Return all that the questions are answered from, read from the store."""
    people = sorted({incident.person} | {alert.person for alert in incident.alerts})
    principals = sorted({incident.principal} | {alert.principal for alert in incident.alerts})
    calls = found.calls.filter(pl.col("principal").is_in(principals))
    hour = incident.first_event.replace(minute=0, second=0, microsecond=0)
    past = store.scan("presences", hour - PAST).filter(pl.col("hour") >= hour - PAST, pl.col("visible") <= hour)
    own, peers, agents = pl.collect_all(
        [
            past.filter(pl.col("person").is_in(people)),
            past.filter(
                pl.col("peers").is_in(calls["peers"].unique().implode()), ~pl.col("principal").is_in(principals)
            )
            .select("principal", "command", "place")
            .unique(),
            past.filter(pl.col("agent").is_in(calls["user_agent.name"].unique().implode()))
            .group_by("agent")
            .agg(pl.col("hour").min()),
        ]
    )
    return Asked(
        incident=incident,
        trace=found,
        rules=rules,
        now=now,
        lookups=lookups,
        own=own,
        peers=peers,
        agents=agents,
        others=_others(store, incident, people),
        feedback=store.feedback(),
        stamps=_stamps(store, found, incident),
        owner_asked=store.slack.owner(incident.incident_id),
    )


def document(context: Context) -> str:
    """Return the context as JSON, which `read` reads."""
    return canonical(context).decode()


def read(document: str) -> Context:
    """Return the context that `document` wrote.

    Raises:
        StateError: it is no such document.
    """
    try:
        return msgspec.json.decode(document, type=Context)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StateError(f"the stored context cannot be read: {error}; run respond again") from error


def _others(store: Store, incident: Incident, people: list[str]) -> tuple[Incident, ...]:
    since, until = incident.first_event - BEFORE, incident.last_event + BEFORE
    return tuple(
        each
        for each in store.incidents(open_at=since)
        if each.person in people and each.incident_id != incident.incident_id and each.first_event <= until
    )


def _stamps(store: Store, found: Trace, incident: Incident) -> tuple[Stamp, ...]:
    """From the first call to containment; `seen` is the end of the window that brought it."""
    later = store.stamps(incident.incident_id)
    first = found.calls.filter(pl.col("@timestamp") >= incident.first_event).head(1)
    delivered = delivered_at(str(first["log.file.path"][0])) if first.height else None
    seen = first["window"][0] if first.height else None
    alerted = min((alert.raised_at for alert in incident.alerts), default=incident.opened_at)
    return (
        Stamp("event", incident.first_event, ""),
        Stamp("delivered", delivered, "CloudTrail's delivery"),
        Stamp("seen", seen, "the next run"),
        Stamp("alerted", alerted, "what made it unusual"),
        *(Stamp(name, later[name], wait) for name, wait in LATER.items()),
    )


LATER = {
    "told": "the card",
    "decided": "a person",
    "applied": "the change in AWS",
    "contained": "quiet, and the proof of it",
}

"""Alerts to incidents: whose they are, what folds into a cohort, and how each is rated as its 48 hours go on."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from prefect_cloudtrail.alerts import event_ids, identify, merge
from prefect_cloudtrail.cases import Alert, Evidence, Incident, Network, Place, Severity
from prefect_cloudtrail.geo import distance_km
from prefect_cloudtrail.risk import probability, rate, severity
from prefect_cloudtrail.strand import Call, Strand

TAKES_ALERTS = timedelta(hours=48)
LISTED = 20
HOURS_FROM = 120  # minutes
COHORT_DECIBANS = -25.0

SAME_PLACE_KM = 150

CohortOf = Callable[[Alert], str | None]


@dataclass(frozen=True)
class Whereabouts:
    """Where the events of each alert came from, and which places are one to a person on the ground.

    `places` names them by alert id, as finely as each address could be placed; `located` has their coordinates.
    """

    places: Mapping[str, frozenset[str]] = field(default_factory=dict)
    located: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def of(self, alert: Alert) -> frozenset[str]:
        """Return where the alert's events came from."""
        return self.places.get(alert.alert_id, frozenset({alert.outcome} if alert.says_where else ()))

    def near(self, one: str, other: str) -> bool:
        """Return whether two places are one: within 150 km, or one the other's country."""
        if one == other or one.endswith(f", {other}") or other.endswith(f", {one}"):
            return True
        here, there = self.located.get(one), self.located.get(other)
        return here is not None and there is not None and distance_km(here, there) <= SAME_PLACE_KM


NOWHERE_KNOWN = Whereabouts()


@dataclass
class Draft:
    """An incident while alerts are being assigned to it."""

    incident_id: str
    kind: Literal["principal", "cohort"]
    principal: str
    principal_kind: str
    person: str
    account_id: str
    opened_at: datetime
    alerts: dict[str, Alert] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)
    stored: Incident | None = None

    @property
    def closes_at(self) -> datetime:
        """When it stops taking alerts."""
        return self.opened_at + TAKES_ALERTS

    @property
    def says_where(self) -> bool:
        """Whether it is about a place."""
        return any(alert.says_where for alert in self.alerts.values())

    def is_at(self, places: Collection[str], whereabouts: Whereabouts) -> bool:
        """Return whether one of these places is one that it is about."""
        own = {alert.outcome for alert in self.alerts.values() if alert.says_where}
        return any(whereabouts.near(place, mine) for place in places for mine in own)

    @property
    def holds_back(self) -> bool:
        """Whether what its person does teaches nothing for a while; a new command is known once it was called."""
        return self.kind == "principal" and self.says_where

    def add(self, alert: Alert) -> None:
        """Take an alert; one that is there already only brings its later events."""
        known = self.alerts.get(alert.alert_id)
        self.alerts[alert.alert_id] = merge(known, alert) if known else _owned(alert, self.incident_id)


def assign(
    found: Sequence[Alert],
    stored: Sequence[Incident],
    cohort_of: CohortOf,
    whereabouts: Whereabouts = NOWHERE_KNOWN,
) -> list[Draft]:
    """Return the incidents that these alerts open or join, and the stored ones, in order of opening.

    Args:
        found: alerts in the order they are dealt with.
        stored: incidents that may still take alerts.
        cohort_of: the network whose cohort an alert belongs to, None where it has none.
        whereabouts: where the alerts' events came from.
    """
    drafts = [_draft(incident) for incident in stored]
    home = {alert_id: draft for draft in drafts for alert_id in draft.alerts}
    for alert in found:
        draft = home.get(alert.alert_id)
        if draft is None:
            network = cohort_of(alert)
            draft = _join(alert, drafts, network, whereabouts)
            home[alert.alert_id] = draft
        draft.add(alert)
    return sorted(drafts, key=lambda draft: (draft.opened_at, draft.incident_id))


def _join(alert: Alert, drafts: list[Draft], network: str | None, whereabouts: Whereabouts) -> Draft:
    """The incident that takes the alert; a new one where none does, linked to the last of the same person.

    An incident about a place takes what happens there, so that neither a trip nor noise made in time takes a theft in.
    What has no address belongs to whatever is open; what is unusual at home has an incident of its own.
    """
    kind: Literal["principal", "cohort"] = "cohort" if network else "principal"
    whose = f"cohort:{network}" if network else alert.person
    mine = [draft for draft in drafts if draft.kind == kind and draft.person == whose]
    places = whereabouts.of(alert)
    for draft in reversed(mine):
        if not draft.opened_at <= alert.raised_at < draft.closes_at:
            continue
        fits = not places or draft.is_at(places, whereabouts) if draft.says_where else not alert.says_where
        if network or fits:
            return draft
    draft = Draft(
        incident_id=identify("inc", kind, whose if network else alert.principal, alert.alert_id),
        kind=kind,
        principal=whose if network else alert.principal,
        principal_kind="cohort" if network else alert.principal_kind,
        person=whose,
        account_id=alert.account_id,
        opened_at=alert.raised_at,
        links=[draft.incident_id for draft in mine[-1:]],
    )
    if network:
        people = {alert.person}
        draft.links += [d.incident_id for d in drafts if d.kind == "principal" and d.person in people]
    drafts.append(draft)
    return draft


def _owned(alert: Alert, incident_id: str) -> Alert:
    return replace(alert, incident_id=incident_id)


def _draft(incident: Incident) -> Draft:
    return Draft(
        incident_id=incident.incident_id,
        kind="cohort" if incident.kind == "cohort" else "principal",
        principal=incident.principal,
        principal_kind=incident.principal_kind,
        person=incident.person,
        account_id=incident.account_id,
        opened_at=incident.opened_at,
        alerts={alert.alert_id: alert for alert in incident.alerts},
        links=list(incident.links),
        stored=incident,
    )


@dataclass(frozen=True)
class View:
    """An incident's alerts and strands as one window saw them."""

    window: datetime
    alerts: tuple[Alert, ...]
    strands: tuple[Strand, ...]
    calls: tuple[Call, ...]  # of its new places, or its alerts' where none is new; from the first event of an alert on
    addresses: tuple[Network, ...]
    keys: tuple[str, ...]


def judge(draft: Draft, views: Sequence[View]) -> Incident:
    """Return the incident as its last view has it, one revision on for each view that changed what it says.

    Args:
        draft: whose it is.
        views: what is new since it was stored, in order of window, at least one.
    """
    incident = draft.stored
    for view in views:
        incident = _revise(draft, view, incident)
    if incident is None:
        raise ValueError(f"no view of {draft.incident_id}")
    return incident


def _revise(draft: Draft, view: View, before: Incident | None) -> Incident:
    risk, evidence = _worst(draft, view)
    risk_before = before.peak_risk if before else 0.0
    said = (len(view.alerts), _names(evidence), severity(risk))
    said_before = (len(before.alerts), _names(before.evidence), before.severity) if before else None
    calls = sorted(view.calls, key=lambda call: (call.first, call.command))
    first = min((call.first for call in calls), default=draft.opened_at)
    last = max((call.last for call in calls), default=draft.opened_at)
    located = (call for call in calls if call.place or call.country)
    places = tuple(dict.fromkeys(Place(_city(c), c.country, c.latitude, c.longitude) for c in located))[:LISTED]
    return Incident(
        incident_id=draft.incident_id,
        revision=(before.revision if before else 0) + (said != said_before),
        kind=draft.kind,
        principal=draft.principal,
        principal_kind=draft.principal_kind,
        person=draft.person,
        account_id=draft.account_id,
        access_key_ids=view.keys[:LISTED],
        places=places,
        networks=view.addresses[:LISTED],
        first_event=first,
        last_event=last,
        opened_at=draft.opened_at,
        closes_at=draft.closes_at,
        risk=risk,
        peak_risk=max(risk, risk_before),
        severity=severity(risk) if draft.kind == "principal" else Severity.LOW,
        status="suppressed" if all(alert.suppressed_by for alert in view.alerts) else "open",
        summary=_summary(draft, view, places, first, last),
        evidence=evidence,
        links=tuple(dict.fromkeys(draft.links)),
        alerts=view.alerts,
        rises=(*(before.rises if before else ()), *((risk,) if risk > risk_before else ())),
    )


def _worst(draft: Draft, view: View) -> tuple[float, tuple[Evidence, ...]]:
    """The risk and evidence of the strand that looks worst: an innocent trip explains no theft on the same day."""
    if draft.kind == "cohort":
        people = len({alert.person for alert in view.alerts})
        sentence = f"{people} {'person' if people == 1 else 'people'} joined others who moved to the same network."
        return round(probability(COHORT_DECIBANS), 4), (
            Evidence("cohort_is_here", "organisation", COHORT_DECIBANS, sentence, counted=True),
        )
    rated = [(*rate(strand), strand.place) for strand in view.strands]
    risk, evidence, _ = max(rated, key=lambda pair: (pair[0], pair[2]))
    return risk, evidence


def _names(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(sorted(piece.name for piece in evidence if piece.counted))


def _city(call: Call) -> str | None:
    return call.place.split(",")[0] if call.place else None


def _summary(draft: Draft, view: View, places: Sequence[Place], first: datetime, last: datetime) -> str:
    """What happened, in one sentence."""
    events = sum(call.events for call in view.calls)
    where = " and ".join(dict.fromkeys(", ".join(part for part in (p.city, p.country) if part) for p in places[:3]))
    if draft.kind == "cohort":
        people = len({alert.person for alert in view.alerts})
        return f"{people} {'principal' if people == 1 else 'principals'} moved to {where or draft.principal}."
    minutes = int((last - first).total_seconds() // 60)
    span = "1 minute" if minutes == 1 else f"{minutes} minutes" if minutes < HOURS_FROM else f"{minutes // 60} hours"
    calls = "1 call" if events == 1 else f"{events} calls in {span}"
    raised = len(event_ids(alert for alert in view.alerts if alert.says_where or not draft.says_where))
    return f"{calls} from {where or 'an unknown place'}, {raised} of them unusual."

"""Incidents as the rows that scripts rely on: keys are only ever added."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from prefect_cloudtrail.alerts import event_ids
from prefect_cloudtrail.cases import Alert, Incident
from prefect_cloudtrail.explain import Explanation
from prefect_cloudtrail.feedback import Entry, PlannedWork, Verdict
from prefect_cloudtrail.response.course import Course
from prefect_cloudtrail.response.plan import canonical
from prefect_cloudtrail.tuning import Tuning


def moment(when: datetime | None) -> str | None:
    """Return a moment as ISO 8601, UTC."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z") if when else None


def incident_row(incident: Incident, context: str | None = None, course: Course | None = None) -> dict[str, Any]:
    """Return the incident as one JSON row of the command line.

    Args:
        incident: which incident.
        context: the guide's answers as they are stored, JSON; only then the row has a key `context`.
        course: what was asked, answered and done; only then the row has a key `response`.
    """
    given = {} if context is None else {"context": json.loads(context)}
    given |= {} if course is None else {"response": json.loads(canonical(course))}
    return given | {
        "type": "incident",
        "incident_id": incident.incident_id,
        "revision": incident.revision,
        "kind": incident.kind,
        "principal": incident.principal,
        "person": incident.person,
        "account_id": incident.account_id,
        "access_key_ids": list(incident.access_key_ids),
        "places": [
            {"city": p.city, "country": p.country, "latitude": p.latitude, "longitude": p.longitude}
            for p in incident.places
        ],
        "networks": [{"ip": n.ip, "asn": n.asn, "organisation": n.organisation} for n in incident.networks],
        "first_event": moment(incident.first_event),
        "last_event": moment(incident.last_event),
        "opened_at": moment(incident.opened_at),
        "risk": incident.risk,
        "peak_risk": incident.peak_risk,
        "severity": incident.severity.value,
        "status": incident.status,
        "summary": incident.summary,
        "alerts": [_alert_row(alert) for alert in incident.alerts],
        "evidence": [
            {
                "name": piece.name,
                "group": piece.group,
                "decibans": piece.decibans,
                "counted": piece.counted,
                "sentence": piece.sentence,
            }
            for piece in incident.evidence
        ],
        "links": list(incident.links),
        "event_ids": event_ids(incident.alerts),
    }


def explanation_row(found: Explanation) -> dict[str, Any]:
    """Return why an event did or did not raise an alert, as one JSON row."""
    return {"type": "explanation", **asdict(found), "at": moment(found.at), "hour": moment(found.hour)}


def verdict_row(said: Verdict) -> dict[str, Any]:
    """Return a verdict as one JSON row."""
    moments = {"effective_at": moment(said.effective_at), "opened_at": moment(said.opened_at)}
    return {"type": "verdict", **asdict(said), **moments}


def entry_row(entered: Entry) -> dict[str, Any]:
    """Return a suppression, planned work or a travel notice as one JSON row."""
    end = entered.end
    return {
        "type": entered.kind,
        "entry_id": entered.entry_id,
        "scope": entered.scope.given,
        "since": moment(entered.since),
        "until": moment(entered.until),
        "who": entered.who if isinstance(entered, PlannedWork) else "",
        "why": entered.why,
        "by": entered.by,
        "effective_at": moment(entered.effective_at),
        "end": {"by": end.by, "why": end.why, "effective_at": moment(end.effective_at)} if end else None,
    }


def summary_row(summary: dict[str, Any], tuning: Tuning | None = None) -> dict[str, Any]:
    """Return a run's summary with its moments as text; a backtest's with what other thresholds would have meant."""
    row = {**summary, "window": [moment(each) for each in summary["window"]]}
    return row | {"tuning": asdict(tuning)} if tuning else row


def _alert_row(alert: Alert) -> dict[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "rule": alert.rule,
        "score": alert.score,
        "surprise": alert.surprise,
        "severity": alert.severity.value,
        "risk_score": alert.risk_score,
        "principal": alert.principal,
        "command": alert.command,
        "outcome": alert.outcome,
        "raised_at": moment(alert.raised_at),
        "late": alert.late,
        "over_limit": alert.over_limit,
        "suppressed_by": alert.suppressed_by,
        "events": alert.events,
        "event_ids": list(alert.event_ids),
    }

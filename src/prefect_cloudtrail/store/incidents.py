"""Incidents in and out of SQL, equal on both sides."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

import msgspec
import sqlalchemy as sa

from prefect_cloudtrail.cases import Alert, Incident, Severity
from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store.statements import Row, batches, insert_or_ignore, insert_or_update
from prefect_cloudtrail.store.tables import ALERT_EVENTS, ALERTS, INCIDENT_REVISIONS, INCIDENTS

ALERT_FIELDS = tuple(field.name for field in fields(Alert) if field.name != "event_ids")
# The rest of an alert is as it was raised: a stored score never changes.
ALERT_GROWS = ("incident_id", "position", "late", "over_limit", "events", "suppressed_by")
INCIDENT_COLUMNS = tuple(column.name for column in INCIDENTS.columns if column.name != "incident_id")


def write(connection: sa.Connection, incidents: Sequence[Incident], run_id: str) -> None:
    """Store the incidents whole: new or changed, each revision once, each alert once.

    Raises:
        StateError: an incident cannot be read back equal, or holds an alert of another incident.
    """
    rows = [_incident_row(incident) for incident in incidents]
    insert_or_update(connection, INCIDENTS, rows, INCIDENT_COLUMNS)
    names = ("incident_id", "revision", "risk", "severity", "status", "document")
    revisions = [{name: row[name] for name in names} | {"run_id": run_id} for row in rows]
    insert_or_ignore(connection, INCIDENT_REVISIONS, revisions)
    alerts = [_alert_row(alert, position) for incident in incidents for position, alert in enumerate(incident.alerts)]
    insert_or_update(connection, ALERTS, alerts, ALERT_GROWS)
    _write_event_ids(connection, [alert for incident in incidents for alert in incident.alerts])


def read(connection: sa.Connection, conditions: Iterable[sa.ColumnElement[bool]]) -> list[Incident]:
    """Return the incidents that meet the conditions, with their alerts, oldest first."""
    chosen = sa.select(INCIDENTS.c.incident_id).where(*conditions)
    documents = connection.execute(
        sa.select(INCIDENTS.c.incident_id, INCIDENTS.c.document)
        .where(INCIDENTS.c.incident_id.in_(chosen))
        .order_by(INCIDENTS.c.opened_at, INCIDENTS.c.incident_id)
    ).all()
    alerts = _read_alerts(connection, chosen)
    return [
        replace(_decode(incident_id, document), alerts=tuple(alerts[incident_id]))
        for incident_id, document in documents
    ]


def revisions(connection: sa.Connection, incident_id: str) -> list[Incident]:
    """Return what the incident was at each revision, oldest first, without its alerts."""
    documents = connection.scalars(
        sa.select(INCIDENT_REVISIONS.c.document)
        .where(INCIDENT_REVISIONS.c.incident_id == incident_id)
        .order_by(INCIDENT_REVISIONS.c.revision)
    )
    return [_decode(incident_id, document) for document in documents]


def _incident_row(incident: Incident) -> Row:
    for alert in incident.alerts:
        if alert.incident_id != incident.incident_id:
            raise StateError(f"alert {alert.alert_id} is of incident {alert.incident_id}, not {incident.incident_id}")
    bare = replace(incident, alerts=())
    document = msgspec.json.encode(bare).decode()
    # JSON has no word for NaN and the infinities; found here they cost one run, found later the incident.
    try:
        same = msgspec.json.decode(document, type=Incident) == bare
    except msgspec.ValidationError:
        same = False
    if not same:
        raise StateError(f"incident {incident.incident_id} cannot be stored: a number in it is not finite")
    row = {name: getattr(incident, name) for name in INCIDENT_COLUMNS if name != "document"}
    return row | {
        "incident_id": incident.incident_id,
        "severity": incident.severity.value,
        "document": document,
    }


def _alert_row(alert: Alert, position: int) -> Row:
    if not (math.isfinite(alert.surprise) and math.isfinite(alert.score)):
        raise StateError(f"alert {alert.alert_id} cannot be stored: its surprise or score is not finite")
    row = {name: getattr(alert, name) for name in ALERT_FIELDS}
    return row | {"severity": alert.severity.value, "position": position}


def _write_event_ids(connection: sa.Connection, alerts: Sequence[Alert]) -> None:
    """Store which events raised each alert; they mostly grow at the end, so mostly the end is written."""
    stored: dict[str, list[str]] = defaultdict(list)
    for batch in batches([alert.alert_id for alert in alerts]):
        rows = connection.execute(
            sa.select(ALERT_EVENTS.c.alert_id, ALERT_EVENTS.c.event_id)
            .where(ALERT_EVENTS.c.alert_id.in_(batch))
            .order_by(ALERT_EVENTS.c.alert_id, ALERT_EVENTS.c.position)
        )
        for alert_id, event_id in rows:
            stored[alert_id].append(event_id)
    before = {alert.alert_id: tuple(stored[alert.alert_id]) for alert in alerts}
    rewritten = [
        alert.alert_id for alert in alerts if alert.event_ids[: len(before[alert.alert_id])] != before[alert.alert_id]
    ]
    for batch in batches(rewritten):
        connection.execute(sa.delete(ALERT_EVENTS).where(ALERT_EVENTS.c.alert_id.in_(batch)))
    kept = before | dict.fromkeys(rewritten, ())
    added = [
        {"alert_id": alert.alert_id, "position": position, "event_id": event_id}
        for alert in alerts
        for position, event_id in enumerate(alert.event_ids)
        if position >= len(kept[alert.alert_id])
    ]
    if added:
        connection.execute(sa.insert(ALERT_EVENTS), added)


def _read_alerts(connection: sa.Connection, incident_ids: sa.Select[tuple[str]]) -> dict[str, list[Alert]]:
    of_these = ALERTS.c.incident_id.in_(incident_ids)
    event_ids: dict[str, list[str]] = defaultdict(list)
    for alert_id, event_id in connection.execute(
        sa.select(ALERT_EVENTS.c.alert_id, ALERT_EVENTS.c.event_id)
        .join(ALERTS, ALERTS.c.alert_id == ALERT_EVENTS.c.alert_id)
        .where(of_these)
        .order_by(ALERT_EVENTS.c.alert_id, ALERT_EVENTS.c.position)
    ):
        event_ids[alert_id].append(event_id)
    alerts: dict[str, list[Alert]] = defaultdict(list)
    for row in connection.execute(
        sa.select(*(ALERTS.c[name] for name in ALERT_FIELDS))
        .where(of_these)
        .order_by(ALERTS.c.position, ALERTS.c.alert_id)
    ).mappings():
        alert = Alert(**{**row, "severity": Severity(row["severity"]), "event_ids": tuple(event_ids[row["alert_id"]])})
        alerts[alert.incident_id].append(alert)
    return alerts


def _decode(incident_id: str, document: str) -> Incident:
    try:
        return msgspec.json.decode(document, type=Incident)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise StateError(f"incident {incident_id} in the case store cannot be read: {error}; restore it") from error

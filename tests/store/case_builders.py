"""Small incidents, frames and changes: a test shows only the fields it is about."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from prefect_cloudtrail import schema
from prefect_cloudtrail.cases import Alert, Evidence, Incident, Network, Place, Severity
from prefect_cloudtrail.seen import with_bits
from prefect_cloudtrail.store import OBJECT, Change, Store

NOW = datetime(2026, 2, 2, 10, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rows(names: schema.Schema, *values: dict[str, Any]) -> pl.DataFrame:
    """Return a frame of the schema; a column that a row leaves out is null."""
    return pl.DataFrame([dict.fromkeys(names) | row for row in values], schema=names)


def objects(
    *paths: str, size: int = 10, delivered: datetime | None = None, read_until: datetime | None = None
) -> pl.DataFrame:
    same = {"size": size, "delivered": delivered, "read_until": read_until, "events": 3, "duplicates": 1, "rejected": 0}
    return rows(OBJECT, *({"log.file.path": path} | same for path in paths))


def seen(*keys: str, at: datetime = NOW) -> pl.DataFrame:
    events = pl.DataFrame(
        {"key": keys, "@timestamp": [at] * len(keys)}, schema={"key": pl.String, "@timestamp": schema.UTC_MICROSECONDS}
    )
    return with_bits(events, "key").select(list(schema.SEEN))


def presences(*principals: str, hour: datetime = NOW) -> pl.DataFrame:
    return rows(schema.PRESENCES, *({"hour": hour, "visible": hour, "principal": name} for name in principals))


def index(*event_ids: str, at: datetime = NOW) -> pl.DataFrame:
    return rows(schema.INDEX, *({"@timestamp": at, "event.id": event_id} for event_id in event_ids))


def usual(*outcomes: str) -> pl.DataFrame:
    return rows(schema.USUAL, *({"tally": "principal>place", "outcome": name, "weight": 0.1} for name in outcomes))


def place(name: str, latitude: float) -> pl.DataFrame:
    return rows(schema.PLACES, {"place": name, "source.geo.location.lat": latitude})


def rejected(reasons: Iterable[str]) -> pl.DataFrame:
    return rows(schema.REJECTED, *({"log.file.path": "a.json", "reason": reason} for reason in reasons))


def an_alert(alert_id: str = "alert-1", incident_id: str = "incident-1", **fields: Any) -> Alert:
    return replace(
        Alert(
            alert_id=alert_id,
            incident_id=incident_id,
            rule="unusual_city_for_command",
            severity=Severity.LOW,
            risk_score=21,
            principal="arn:aws:iam::111122223333:user/deploy",
            principal_kind="iam_user",
            person="user deploy",
            account_id="111122223333",
            command="iam:CreateUser",
            outcome="Kyiv, 30, UA",
            level="place",
            hour=NOW.replace(minute=0),
            raised_at=NOW,
            surprise=35.123456789012345,
            score=0.1 + 0.2,
            counts='{"account": [1, 2, 3]}',
            late=False,
            over_limit=False,
            events=2,
            event_ids=("event-1", "event-2"),
        ),
        **fields,
    )


def an_incident(incident_id: str = "incident-1", *alerts: Alert, **fields: Any) -> Incident:
    return replace(
        Incident(
            incident_id=incident_id,
            revision=1,
            kind="principal",
            principal="arn:aws:iam::111122223333:user/deploy",
            principal_kind="iam_user",
            person="user deploy",
            account_id="111122223333",
            access_key_ids=("AKIAIOSFODNN7EXAMPLE",),
            places=(Place("Kyiv", "UA", 50.45, 30.52), Place(None, None, None, None)),
            networks=(Network("91.198.36.14", 3320, "Example Hosting"), Network("91.198.37.14", None, None)),
            first_event=NOW - timedelta(microseconds=1),
            last_event=NOW,
            opened_at=NOW,
            closes_at=NOW + 48 * HOUR,
            risk=0.1 + 0.2,
            peak_risk=1 / 3,
            severity=Severity.HIGH,
            status="open",
            summary="deploy called iam:CreateUser from Kyiv",
            evidence=(Evidence("new_place", "place", 8.1, "Never seen in Kyiv in 412 active hours.", counted=True),),
            links=("incident-0",),
            alerts=alerts,
        ),
        **fields,
    )


def a_change(run_id: str = "run-1", **fields: Any) -> Change:
    return replace(
        Change(
            run_id=run_id,
            window=(NOW - HOUR, NOW),
            checkpoint=NOW,
            objects=objects(),
            rejected=schema.empty(schema.REJECTED),
            seen=seen(),
            presences=presences(),
            index=index(),
            places=schema.empty(schema.PLACES),
            incidents=[],
            tell=[],
            summary={"events": 3},
        ),
        **fields,
    )


def commit(store: Store, *changes: Change) -> None:
    with store.lease("detect", "tests", minutes=10, now=NOW) as lease:
        for change in changes:
            store.commit(change, lease)

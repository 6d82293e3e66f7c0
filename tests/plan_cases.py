"""Cases that plans are made from: a test shows only the fields it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from prefect_cloudtrail import schema
from prefect_cloudtrail.cases import Alert, Incident, Severity
from prefect_cloudtrail.context.trace import Session, Trace
from prefect_cloudtrail.response.plan import Plan, Step
from prefect_cloudtrail.response.plans import Case
from prefect_cloudtrail.response.standing import Standing

NOON = datetime(2026, 3, 13, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT, OTHER_ACCOUNT, MANAGEMENT = "111122223333", "444455556666", "999988887777"
USER = f"arn:aws:iam::{ACCOUNT}:user/robots/deploy"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"
KEY, TEMPORARY = "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"
IN_USE = "It was used from its usual networks at 2026-03-13 11:00 UTC: that work is hurt too."
NOT_IN_USE = "It was not used from its usual networks within a day."
RENEWS = "A session traded for another can be renewed for up to an hour while it lives: so the source goes first."


def an_alert(command: str, principal: str, account_id: str = ACCOUNT) -> Alert:
    return Alert(
        alert_id=f"alr {command} {principal}",
        incident_id="inc_1",
        rule="unusual_city_for_command",
        severity=Severity.HIGH,
        risk_score=73,
        principal=principal,
        principal_kind="iam_user",
        person="user deploy",
        account_id=account_id,
        command=command,
        outcome="Kyiv, 30, UA",
        level="place",
        hour=NOON,
        raised_at=NOON,
        surprise=40.0,
        score=60.0,
        counts="{}",
        late=False,
        over_limit=False,
        events=1,
        event_ids=("event-1",),
    )


def an_incident(kind: str, principal: str, *commands: str, **fields: Any) -> Incident:
    incident = Incident(
        incident_id="inc_1",
        revision=1,
        kind="principal",
        principal=principal,
        principal_kind=kind,
        person="user deploy",
        account_id=ACCOUNT,
        access_key_ids=(KEY,),
        places=(),
        networks=(),
        first_event=NOON + timedelta(minutes=5),
        last_event=NOON + HOUR,
        opened_at=NOON + HOUR,
        closes_at=NOON + 48 * HOUR,
        risk=0.95,
        peak_risk=0.95,
        severity=Severity.HIGH,
        status="open",
        summary="",
        evidence=(),
        links=(),
        alerts=tuple(an_alert(command, principal) for command in commands or ("iam:CreateUser",)),
    )
    return replace(incident, **fields)


def calls(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(schema.INDEX) | dict(row) for row in rows], schema=schema.INDEX)


def a_trace(**fields: Any) -> Trace:
    return replace(Trace(calls()), **fields)


def in_use(**fields: Any) -> Trace:
    """Return a trace of somebody who works from a usual network, too."""
    return a_trace(usual_networks=("203.0.113.0/24", "198.51.100.0/24"), usual_calls_at=NOON - HOUR, **fields)


def a_session(role: str = "admin", account_id: str = OTHER_ACCOUNT, **fields: Any) -> Session:
    arn = f"arn:aws:iam::{account_id}:role/{role}"
    session = Session(
        role=arn,
        name="hop",
        account_id=account_id,
        access_key_id=f"ASIA{role.upper()}",
        started_by=KEY,
        started_at=NOON + timedelta(minutes=10),
        expires_at=NOON + 2 * HOUR,
        user_id=f"AROA{role.upper()}:hop",
    )
    return replace(session, **fields)


def a_case(
    kind: str,
    principal: str,
    *commands: str,
    trace: Trace | None = None,
    standing: Standing | None = None,
    **incident: Any,
) -> Case:
    return Case(
        an_incident(kind, principal, *commands, **incident), trace or a_trace(), standing or Standing(ACCOUNT, None)
    )


def a_plan(principal: str, playbook: str, steps: Sequence[Step] = (), **fields: Any) -> Plan:
    return replace(Plan(playbook, "inc_1", principal, tuple(steps)), **fields)


def revoke(role: str, account_id: str = ACCOUNT, **only: str) -> Step:
    return Step("revoke_sessions", account_id, f"arn:aws:iam::{account_id}:role/{role}", {"role_name": role, **only})

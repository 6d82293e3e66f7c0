"""Requests, decisions and what settled them, in and out of SQL."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import TypeAlias

import msgspec
import sqlalchemy as sa

from prefect_cloudtrail.errors import RefusedError, ResponseError, TamperedError
from prefect_cloudtrail.response.decision import Choice, Decision, Request, Settlement, SettlementOutcome
from prefect_cloudtrail.response.plan import UNDO, Plan, canonical
from prefect_cloudtrail.store import audit
from prefect_cloudtrail.store.response_tables import DECISIONS, REQUESTS, SETTLEMENTS
from prefect_cloudtrail.store.statements import insert

HOUR = timedelta(hours=1)

# Says what a decision settles, given all decisions of its request, itself the last, and how many approvals were
# settled in the hour before.
Settles: TypeAlias = Callable[[Sequence[Decision], int], SettlementOutcome | None]


def ask(connection: sa.Connection, plan: Plan, now: datetime, expires_at: datetime) -> Request:
    """Return the request for the plan: the open one of the same incident, playbook and digest, or a new one."""
    audit.take_turn(connection)
    query = (
        _requests()
        .outerjoin(SETTLEMENTS, SETTLEMENTS.c.request_id == REQUESTS.c.request_id)
        .where(
            REQUESTS.c.incident_id == plan.incident_id,
            REQUESTS.c.playbook == plan.playbook,
            REQUESTS.c.digest == plan.digest,
            REQUESTS.c.expires_at > now,
            SETTLEMENTS.c.request_id.is_(None),
        )
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is not None:
        return _request(row)
    # The whole value of a button: nobody may guess it.
    asked = Request(f"req_{token_hex(16)}", plan, now, expires_at)
    connection.execute(
        sa.insert(REQUESTS).values(
            request_id=asked.request_id,
            incident_id=plan.incident_id,
            playbook=plan.playbook,
            digest=plan.digest,
            plan=canonical(plan).decode(),
            asked_at=now,
            expires_at=expires_at,
        )
    )
    return asked


def request(connection: sa.Connection, request_id: str) -> Request | None:
    """Return the request; None where there is none."""
    row = connection.execute(_requests().where(REQUESTS.c.request_id == request_id)).mappings().one_or_none()
    return None if row is None else _request(row)


def requests(connection: sa.Connection, incident_id: str) -> list[Request]:
    """Return the incident's requests, oldest first."""
    rows = connection.execute(_requests().where(REQUESTS.c.incident_id == incident_id)).mappings()
    return [_request(row) for row in rows]


def delivered(connection: sa.Connection, request_id: str, now: datetime, expires_at: datetime) -> Request:
    """Return the request as it is delivered: from the first delivery on its end is counted.

    Raises:
        ResponseError: there is no such request.
    """
    connection.execute(
        sa.update(REQUESTS)
        .where(REQUESTS.c.request_id == request_id, REQUESTS.c.delivered_at.is_(None))
        .values(delivered_at=now, expires_at=expires_at)
    )
    found = request(connection, request_id)
    if found is None:
        raise ResponseError(f"no request {request_id} here")
    return found


def add_decision(
    connection: sa.Connection, given: Decision, settles: SettlementOutcome | Settles | None, now: datetime
) -> Settlement | None:
    """Return the settlement, where this decision is the one that makes it; the decision is stored with its audit row.

    One at a time, so that of two that race the second sees the first. Where the request is settled already, or its
    author has answered it before, nothing is stored.

    Raises:
        ResponseError: there is no such request.
    """
    audit.take_turn(connection)
    asked = request(connection, given.request_id)
    if asked is None:
        raise ResponseError(f"no request {given.request_id} here")
    if settlement(connection, given.request_id) is not None:
        return None
    stored = connection.scalar(
        insert(connection, DECISIONS)
        .values(_decision_row(given))
        .on_conflict_do_nothing()
        .returning(DECISIONS.c.decision_id)
    )
    if stored is None:
        return None
    outcome = settles
    if callable(settles):
        outcome = settles(decisions(connection, given.request_id), approvals(connection, now - HOUR))
    made = None
    if outcome is not None:
        made = Settlement(given.request_id, SettlementOutcome(str(outcome)), given.decision_id, now)
        row = {"request_id": made.request_id, "decision_id": made.decision_id, "settled_at": now}
        won = connection.scalar(
            insert(connection, SETTLEMENTS)
            .values(outcome=made.outcome.value, **row)
            .on_conflict_do_nothing()
            .returning(SETTLEMENTS.c.request_id)
        )
        made = made if won is not None else None
    document = {"decision": given, "settles": made.outcome.value if made else None, "playbook": asked.plan.playbook}
    audit.add(connection, "decided", asked.plan.incident_id, document, now)
    return made


def decision(connection: sa.Connection, decision_id: str) -> Decision | None:
    """Return the decision; None where there is none."""
    row = (
        connection.execute(sa.select(DECISIONS).where(DECISIONS.c.decision_id == decision_id)).mappings().one_or_none()
    )
    return None if row is None else _decision(row)


def decisions(connection: sa.Connection, request_id: str) -> list[Decision]:
    """Return the request's decisions, oldest first."""
    query = sa.select(DECISIONS).where(DECISIONS.c.request_id == request_id)
    rows = connection.execute(query.order_by(DECISIONS.c.decided_at, DECISIONS.c.decision_id)).mappings()
    return [_decision(row) for row in rows]


def settlement(connection: sa.Connection, request_id: str) -> Settlement | None:
    """Return what settled the request; None while it is open."""
    return _settlement(connection, SETTLEMENTS.c.request_id == request_id)


def settlement_of(connection: sa.Connection, decision_id: str) -> Settlement | None:
    """Return the settlement that the decision made; None where it made none."""
    return _settlement(connection, SETTLEMENTS.c.decision_id == decision_id)


def approvals(connection: sa.Connection, since: datetime, before: datetime | None = None) -> int:
    """Return how many approvals were settled from a moment on, those to undo not counted."""
    query = (
        sa.select(sa.func.count())
        .select_from(SETTLEMENTS.join(REQUESTS, REQUESTS.c.request_id == SETTLEMENTS.c.request_id))
        .where(
            SETTLEMENTS.c.outcome == SettlementOutcome.APPROVED.value,
            SETTLEMENTS.c.settled_at >= since,
            REQUESTS.c.playbook != UNDO,
        )
    )
    if before is not None:
        query = query.where(SETTLEMENTS.c.settled_at < before)
    return int(connection.scalar(query) or 0)


def _requests() -> sa.Select[tuple[object, ...]]:
    return sa.select(REQUESTS).order_by(REQUESTS.c.asked_at, REQUESTS.c.request_id)


def _request(row: sa.RowMapping) -> Request:
    try:
        plan = msgspec.json.decode(row["plan"], type=Plan)
    except msgspec.MsgspecError as error:
        raise RefusedError(
            f"request {row['request_id']} in the case store cannot be read: {error}; ask anew"
        ) from error
    return Request(row["request_id"], plan, row["asked_at"], row["expires_at"], row["delivered_at"])


def _decision_row(given: Decision) -> dict[str, object]:
    return {
        "decision_id": given.decision_id,
        "request_id": given.request_id,
        "digest": given.digest,
        "choice": given.choice.value,
        "decided_by": given.by,
        "via": given.via,
        "decided_at": given.decided_at,
        "why": given.why,
        "key_id": given.key_id,
        "signature": given.signature,
    }


def _decision(row: sa.RowMapping) -> Decision:
    try:
        choice = Choice(row["choice"])
    except ValueError as error:
        raise TamperedError(f"decision {row['decision_id']} was changed in the case store: {error}") from error
    return Decision(
        decision_id=row["decision_id"],
        request_id=row["request_id"],
        digest=row["digest"],
        choice=choice,
        by=row["decided_by"],
        via=row["via"],
        decided_at=row["decided_at"],
        why=row["why"],
        key_id=row["key_id"],
        signature=row["signature"],
    )


def _settlement(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Settlement | None:
    row = connection.execute(sa.select(SETTLEMENTS).where(condition)).mappings().one_or_none()
    if row is None:
        return None
    try:
        outcome = SettlementOutcome(row["outcome"])
    except ValueError as error:
        raise TamperedError(f"how {row['request_id']} ended was changed in the case store: {error}") from error
    return Settlement(row["request_id"], outcome, row["decision_id"], row["settled_at"])

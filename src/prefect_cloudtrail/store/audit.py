"""The audit's rows and the breaker, in and out of SQL; both are only ever added to."""

from datetime import datetime

import sqlalchemy as sa

from prefect_cloudtrail.response.audit import AuditRow, row_after
from prefect_cloudtrail.response.decision import BreakerState
from prefect_cloudtrail.store.response_tables import AUDIT, BREAKER

# Any number, the same in every version: who decides or adds to the audit in PostgreSQL waits for it.
ONE_AT_A_TIME = 4_611_872


def take_turn(connection: sa.Connection) -> None:
    """Wait until no other transaction decides or adds to the audit; a writing transaction of SQLite is alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_AT_A_TIME)))


def add(connection: sa.Connection, kind: str, incident_id: str | None, document: object, now: datetime) -> AuditRow:
    """Return the row, stored at the end of the chain."""
    take_turn(connection)
    added = row_after(newest(connection), kind, incident_id, document, now)
    connection.execute(
        sa.insert(AUDIT).values(
            number=added.number,
            at=added.at,
            kind=added.kind,
            incident_id=added.incident_id,
            document=added.document,
            previous=added.previous,
            hash=added.hash,
        )
    )
    return added


def newest(connection: sa.Connection) -> AuditRow | None:
    """Return the last row; None where there is none."""
    return _one(connection, sa.select(AUDIT).order_by(AUDIT.c.number.desc()).limit(1))


def row(connection: sa.Connection, number: int) -> AuditRow | None:
    """Return the row of a number; None where there is none."""
    return _one(connection, sa.select(AUDIT).where(AUDIT.c.number == number))


def _one(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> AuditRow | None:
    found = connection.execute(query).mappings().one_or_none()
    return AuditRow(**found) if found else None


def rows(connection: sa.Connection, incident_id: str | None = None) -> list[AuditRow]:
    """Return the rows of one incident or all, oldest first."""
    query = sa.select(AUDIT).order_by(AUDIT.c.number)
    if incident_id is not None:
        query = query.where(AUDIT.c.incident_id == incident_id)
    return [AuditRow(**each) for each in connection.execute(query).mappings()]


def breaker(connection: sa.Connection) -> BreakerState:
    """Return how the breaker stands: as the last row says."""
    found = connection.execute(
        sa.select(BREAKER.c.tripped, BREAKER.c.given_by, BREAKER.c.why, BREAKER.c.at)
        .order_by(BREAKER.c.number.desc())
        .limit(1)
    ).one_or_none()
    return BreakerState(*found) if found else BreakerState(tripped=False)


def set_breaker(connection: sa.Connection, *, tripped: bool, by: str, why: str, now: datetime) -> None:
    """Trip or reset the breaker, with its row in the audit."""
    add(connection, "breaker", None, {"tripped": tripped, "by": by, "why": why}, now)
    connection.execute(sa.insert(BREAKER).values(tripped=tripped, given_by=by, why=why, at=now))

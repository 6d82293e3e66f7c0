"""What the responder still has to do, and what is over."""

from datetime import datetime

import sqlalchemy as sa

from prefect_cloudtrail.response.decision import SettlementOutcome
from prefect_cloudtrail.store.response_tables import SETTLEMENTS, SHOWN, WATCHES
from prefect_cloudtrail.store.statements import insert, insert_or_ignore
from prefect_cloudtrail.store.tables import OBJECTS


def to_carry_out(connection: sa.Connection) -> list[str]:
    """Return the decisions that approved a plan which nobody has carried out to its end, oldest first."""
    query = (
        sa.select(SETTLEMENTS.c.decision_id)
        .outerjoin(WATCHES, WATCHES.c.decision_id == SETTLEMENTS.c.decision_id)
        .where(SETTLEMENTS.c.outcome == SettlementOutcome.APPROVED, WATCHES.c.decision_id.is_(None))
        .order_by(SETTLEMENTS.c.settled_at, SETTLEMENTS.c.decision_id)
    )
    return list(connection.scalars(query))


def to_show(connection: sa.Connection, since: datetime) -> list[str]:
    """Return the decisions carried out since a moment that Prefect has not been told of, oldest first."""
    query = (
        sa.select(WATCHES.c.decision_id)
        .outerjoin(SHOWN, SHOWN.c.decision_id == WATCHES.c.decision_id)
        .where(WATCHES.c.applied_at >= since, SHOWN.c.decision_id.is_(None))
        .order_by(WATCHES.c.applied_at, WATCHES.c.decision_id)
    )
    return list(connection.scalars(query))


def shown(connection: sa.Connection, decision_id: str, now: datetime) -> None:
    """Record that Prefect was told what came of a decision; the first time stays."""
    insert_or_ignore(connection, SHOWN, [{"decision_id": decision_id, "at": now}])


def end(connection: sa.Connection, decision_id: str, incident_id: str, state: str, said: str, now: datetime) -> None:
    """Record that there is nothing more to do under a decision; how it first ended stays."""
    connection.execute(
        insert(connection, WATCHES)
        .values(decision_id=decision_id, incident_id=incident_id, state=state, said=said, applied_at=now, next_at=None)
        .on_conflict_do_nothing(index_elements=["decision_id"])
    )


def delivered_until(connection: sa.Connection, account_id: str, since: datetime) -> datetime | None:
    """Return when the newest object of the account that was read was delivered; None where none was since then."""
    named = sa.or_(
        OBJECTS.c.path.like(f"%/{account_id}/CloudTrail/%"), OBJECTS.c.path.like(f"%{account_id}_CloudTrail_%")
    )
    found: datetime | None = connection.scalar(
        sa.select(sa.func.max(OBJECTS.c.delivered)).where(OBJECTS.c.delivered >= since, named)
    )
    return found

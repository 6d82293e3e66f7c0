"""What people must hear of: marked by a run, started once, written before it is shown, confirmed after."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store.statements import insert
from prefect_cloudtrail.store.tables import OUTBOX, TELL


@dataclass(frozen=True)
class OutboxRow:
    """One message to one channel about one revision of an incident."""

    outbox_id: str
    incident_id: str
    revision: int
    channel: str
    body: str
    written_at: datetime
    confirmed_at: datetime | None


def to_tell(connection: sa.Connection) -> list[tuple[str, int]]:
    """Return the (incident, revision) that are marked and not started, in the order of marking."""
    rows = connection.execute(
        sa.select(TELL.c.incident_id, TELL.c.revision)
        .where(TELL.c.started_at.is_(None))
        .order_by(TELL.c.marked_at, TELL.c.incident_id, TELL.c.revision)
    )
    return [(incident_id, revision) for incident_id, revision in rows]


def start_telling(connection: sa.Connection, incident_id: str, revision: int, now: datetime) -> bool:
    """Return whether this call is the one that started it."""
    started = connection.scalar(
        sa.update(TELL)
        .where(TELL.c.incident_id == incident_id, TELL.c.revision == revision, TELL.c.started_at.is_(None))
        .values(started_at=now)
        .returning(TELL.c.incident_id)
    )
    return started is not None


def write(connection: sa.Connection, incident_id: str, revision: int, channel: str, body: str, *, now: datetime) -> str:
    """Return the message's id; the same one, and the body first written, when it is written again."""
    key = {"incident_id": incident_id, "revision": revision, "channel": channel}
    connection.execute(
        insert(connection, OUTBOX)
        .values(outbox_id=str(uuid4()), body=body, written_at=now, **key)
        .on_conflict_do_nothing(index_elements=list(key))
    )
    return str(connection.scalars(sa.select(OUTBOX.c.outbox_id).filter_by(**key)).one())


def pending(connection: sa.Connection, incident_id: str | None) -> list[OutboxRow]:
    """Return what is written and not confirmed, of one incident or of all, oldest first."""
    query = sa.select(OUTBOX).where(OUTBOX.c.confirmed_at.is_(None))
    if incident_id is not None:
        query = query.where(OUTBOX.c.incident_id == incident_id)
    rows = connection.execute(query.order_by(OUTBOX.c.written_at, OUTBOX.c.outbox_id)).mappings()
    return [OutboxRow(**row) for row in rows]


def confirm(connection: sa.Connection, outbox_id: str, now: datetime) -> None:
    """Record that the message was shown; the first confirmation stays.

    Raises:
        StateError: there is no such message.
    """
    known = connection.scalar(
        sa.update(OUTBOX)
        .where(OUTBOX.c.outbox_id == outbox_id)
        .values(confirmed_at=sa.func.coalesce(OUTBOX.c.confirmed_at, sa.literal(now, OUTBOX.c.confirmed_at.type)))
        .returning(OUTBOX.c.outbox_id)
    )
    if known is None:
        raise StateError(f"the outbox holds no message {outbox_id}")

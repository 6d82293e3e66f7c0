"""How far the response to an incident has come: the first moment of each step."""

from datetime import datetime

import sqlalchemy as sa

from prefect_cloudtrail.store.response_tables import RECEIPTS, REQUESTS, SETTLEMENTS, WATCHES
from prefect_cloudtrail.store.tables import OUTBOX


def stamps(connection: sa.Connection, incident_id: str) -> dict[str, datetime | None]:
    """Return when people were first told, decided, changed something, and when it was proven contained."""
    settled = SETTLEMENTS.join(REQUESTS, REQUESTS.c.request_id == SETTLEMENTS.c.request_id)
    queries = {
        "told": sa.select(sa.func.min(OUTBOX.c.confirmed_at)).where(OUTBOX.c.incident_id == incident_id),
        "decided": sa.select(sa.func.min(SETTLEMENTS.c.settled_at))
        .select_from(settled)
        .where(REQUESTS.c.incident_id == incident_id),
        "applied": sa.select(sa.func.min(RECEIPTS.c.applied_at)).where(RECEIPTS.c.incident_id == incident_id),
        "contained": sa.select(sa.func.min(WATCHES.c.contained_at)).where(WATCHES.c.incident_id == incident_id),
    }
    return {name: connection.scalar(query) for name, query in queries.items()}

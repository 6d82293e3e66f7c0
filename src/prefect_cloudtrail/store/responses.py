"""What the case store holds of responses: contexts, requests, decisions, receipts, watches, the breaker, the audit."""

from datetime import datetime

import sqlalchemy as sa

from prefect_cloudtrail.store.database import Database
from prefect_cloudtrail.store.response_tables import CONTEXTS, HEARTBEATS
from prefect_cloudtrail.store.statements import insert


class Responses:
    """The response's side of a case store; `Store.responses` gives it."""

    def __init__(self, database: Database) -> None:
        """Work on an open database."""
        self._database = database

    # Contexts

    def keep_context(self, incident_id: str, revision: int, document: str, now: datetime) -> None:
        """Store what was gathered of an incident at a revision, JSON; gathered again, the newer stays."""
        key = {"incident_id": incident_id, "revision": revision}
        with self._database.writing() as connection:
            statement = insert(connection, CONTEXTS).values(gathered_at=now, document=document, **key)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=list(key),
                    set_={
                        "gathered_at": statement.excluded.gathered_at,
                        "document": statement.excluded.document,
                    },
                )
            )

    def context(self, incident_id: str) -> str | None:
        """Return what was gathered of the incident's newest revision, JSON; None where nothing was."""
        query = (
            sa.select(CONTEXTS.c.document)
            .where(CONTEXTS.c.incident_id == incident_id)
            .order_by(CONTEXTS.c.revision.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            found: str | None = connection.scalar(query)
        return found

    # Who is alive

    def beat(self, name: str, now: datetime) -> None:
        """Record that a part of the responder works."""
        with self._database.writing() as connection:
            statement = insert(connection, HEARTBEATS).values(name=name, at=now)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["name"], set_={"at": statement.excluded.at})
            )

    def last_beat(self, name: str) -> datetime | None:
        """Return when a part of the responder last worked; None where it never did."""
        with self._database.reading() as connection:
            found: datetime | None = connection.scalar(sa.select(HEARTBEATS.c.at).where(HEARTBEATS.c.name == name))
        return found

"""Who works on the state: one row, taken over when its time is up."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from prefect_cloudtrail.errors import LeaseHeldError
from prefect_cloudtrail.store.database import Database
from prefect_cloudtrail.store.statements import insert
from prefect_cloudtrail.store.tables import LEASES

RELEASED = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Lease:
    """The right to commit, until it is released or somebody takes it over after its time."""

    name: str
    owner: str
    token: int
    minutes: float
    database: Database = field(repr=False, compare=False)

    def renew(self, now: datetime) -> None:
        """Hold on for its minutes more, from now.

        Raises:
            LeaseHeldError: somebody else has it by now.
        """
        with self.database.writing() as connection:
            require(connection, self)
            connection.execute(
                sa.update(LEASES)
                .where(LEASES.c.name == self.name, LEASES.c.token == self.token)
                .values(expires_at=now + timedelta(minutes=self.minutes))
            )


def take(database: Database, name: str, owner: str, minutes: float, now: datetime) -> Lease:
    """Return the lease, free or past its time until now.

    Raises:
        LeaseHeldError: says who has it and until when.
    """
    with database.writing() as connection:
        statement = insert(connection, LEASES).values(
            name=name, owner=owner, token=1, expires_at=now + timedelta(minutes=minutes)
        )
        token = connection.scalar(
            statement.on_conflict_do_update(
                index_elements=[LEASES.c.name],
                set_={
                    "owner": statement.excluded.owner,
                    "token": LEASES.c.token + 1,
                    "expires_at": statement.excluded.expires_at,
                },
                where=LEASES.c.expires_at <= now,
            ).returning(LEASES.c.token)
        )
        if token is None:
            held = connection.execute(sa.select(LEASES).where(LEASES.c.name == name)).one()
            raise LeaseHeldError(
                f"another detector is at work on {database.where}: {held.owner} holds it "
                f"until {held.expires_at:%Y-%m-%dT%H:%M:%SZ} at the latest; try again then"
            )
    return Lease(name, owner, token, minutes, database)


def release(lease: Lease) -> None:
    """Give the lease back, unless somebody took it over."""
    with lease.database.writing() as connection:
        connection.execute(
            sa.update(LEASES)
            .where(LEASES.c.name == lease.name, LEASES.c.token == lease.token)
            .values(expires_at=RELEASED)
        )


def require(connection: sa.Connection, lease: Lease, *, lock: bool = True) -> None:
    """Make sure, with `lock` for the rest of this transaction, that the lease was neither released nor taken over.

    Raises:
        LeaseHeldError: it was.
    """
    query = sa.select(LEASES).where(LEASES.c.name == lease.name)
    held = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if held is None or held.token != lease.token or held.expires_at == RELEASED:
        by = "nobody" if held is None or held.expires_at == RELEASED else held.owner
        raise LeaseHeldError(
            f"{lease.owner} no longer holds {lease.database.where} ({by} does): nothing was stored; "
            "the next run goes on from the last checkpoint"
        )

"""Who works on the state: one row, taken over when its time is up, or at once when its process is known to be gone.

The time is short and renewed while the work goes on, so a machine that died costs minutes. Whoever stalls past it
commits nothing: the token says that another followed.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from prefect_cloudtrail.errors import LeaseHeldError, StateError
from prefect_cloudtrail.store.database import Database
from prefect_cloudtrail.store.processes import read_owner, this_process, write_owner
from prefect_cloudtrail.store.statements import insert
from prefect_cloudtrail.store.tables import LEASES

RELEASED = datetime(1970, 1, 1, tzinfo=UTC)
# So that two renewals may fail, and the third is still in time.
BEATS = 4
# Longer than any step takes; work that shows no progress for so long hangs.
PATIENCE = timedelta(minutes=30)


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

    @contextmanager
    def kept(self, every: timedelta | None = None, patience: timedelta = PATIENCE) -> Iterator[Callable[[], None]]:
        """Renew it from a thread of its own until the end; give what the work calls to show that it goes on.

        Args:
            every: how often; a quarter of its minutes by default.
            patience: work that showed nothing for longer hangs: it is renewed no more, and another may take over.
        """
        interval = (every or timedelta(minutes=self.minutes / BEATS)).total_seconds()
        stop, shown = threading.Event(), [time.monotonic()]

        def show() -> None:
            shown[0] = time.monotonic()

        def beat() -> None:
            while not stop.wait(interval):
                if time.monotonic() - shown[0] > patience.total_seconds():
                    continue
                try:
                    self.renew(datetime.now(UTC))
                except LeaseHeldError:
                    return  # the work's own next step, its commit at the latest, is told so
                except StateError:
                    continue  # a database that is away for good fails the work itself

        thread = threading.Thread(target=beat, name=f"keeps the lease {self.name}", daemon=True)
        thread.start()
        try:
            yield show
        finally:
            stop.set()
            thread.join()


def take(database: Database, name: str, owner: str, minutes: float, now: datetime) -> Lease:
    """Return the lease: free, or past its time until now, or that of a process of this machine that is gone.

    Raises:
        LeaseHeldError: says who has it and until when.
    """
    with database.writing() as connection:
        row = sa.select(LEASES).where(LEASES.c.name == name)
        held = connection.execute(row).one_or_none()
        process = read_owner(held.owner)[1] if held else None
        free = LEASES.c.expires_at <= now
        if held and process and process.is_gone():
            free |= LEASES.c.token == held.token
        statement = insert(connection, LEASES).values(
            name=name,
            owner=write_owner(owner, this_process()),
            token=1,
            expires_at=now + timedelta(minutes=minutes),
        )
        token = connection.scalar(
            statement.on_conflict_do_update(
                index_elements=[LEASES.c.name],
                set_={
                    "owner": statement.excluded.owner,
                    "token": LEASES.c.token + 1,
                    "expires_at": statement.excluded.expires_at,
                },
                where=free,
            ).returning(LEASES.c.token)
        )
        if token is None:
            held = connection.execute(row).one()
            raise LeaseHeldError(_said(name, held.owner, held.expires_at, database.where))
    return Lease(name, owner, token, minutes, database)


def _said(name: str, written: str, expires_at: datetime, where: str) -> str:
    owner, process = read_owner(written)
    longer = f", and longer while {process} goes on" if process else ""
    what = f"another detector is at work on {where}" if name == "detect" else f"another process is at it ({name})"
    return f"{what}: {owner} holds it until {expires_at:%Y-%m-%dT%H:%M:%SZ}{longer}; try again then"


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
        by = "nobody" if held is None or held.expires_at == RELEASED else read_owner(held.owner)[0]
        raise LeaseHeldError(
            f"{lease.owner} no longer holds {lease.database.where} ({by} does): what it stored before stays, "
            "and the next run goes on from there"
        )

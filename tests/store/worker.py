"""What the tests start as processes of their own: `-m store.worker ACTION STATE DATABASE ENDPOINT ARGUMENT ...`.

It forks one process for each five words, so that the imports, a second each, are done once; nothing runs before them.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count as count_from
from pathlib import Path
from threading import Timer
from typing import NoReturn

import alembic.command  # noqa: F401  # a new state needs it, in every fork
import sqlalchemy as sa
from sqlalchemy import event
from store.backends import Backend
from store.case_builders import NOW, a_change, an_alert, an_incident, index, objects, presences, seen

from prefect_cloudtrail.errors import LeaseHeldError
from prefect_cloudtrail.store import Change, Store


def run(number: int, store: Store) -> Change:
    """Return the change of a run that, in every place, leaves its number, and drops the presences of the run before."""
    name = f"{number}"
    incident = an_incident(name, an_alert(name, name, event_ids=(name,)))
    dropped = [entry.name for entry in store.files("presences")]
    kept = store.scan("presences").collect()
    return a_change(
        name,
        objects=objects(name),
        seen=seen(name),
        presences=presences(name),
        index=index(name),
        incidents=[incident],
        tell=[(name, 1)],
        drop_files=dropped,
        replacements=[kept],
    )


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def die_at(point: str) -> None:
    """Arrange for this process to be killed at a point of its next commit."""
    if point == "after the files":
        event.listen(sa.Engine, "begin", lambda connection: _when_writing(connection, die))
    elif point.startswith("before INSERT INTO "):
        table = point.removeprefix("before ")

        def before_statement(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if statement.startswith(table):
                die()

        event.listen(sa.Engine, "before_cursor_execute", before_statement)
    elif point == "before COMMIT":
        event.listen(sa.Engine, "commit", lambda connection: _when_writing(connection, die))
    elif point == "after COMMIT":
        # The connection of a transaction that is committed goes back before any dropped file is deleted.
        event.listen(sa.Engine, "commit", lambda connection: _when_writing(connection, _die_at_checkin))


def _when_writing(connection: sa.Connection, act: Callable[[], None]) -> None:
    if connection.get_execution_options().get("writes"):
        act()


def _die_at_checkin() -> None:
    event.listen(sa.pool.Pool, "checkin", lambda *_: die())


def commit_until_killed(backend: Backend, point: str) -> None:
    """Commit run 1, then more, to die at a point of run 2 or some milliseconds later."""
    with backend.open() as store, store.lease("detect", "killed", minutes=10, now=NOW) as lease:
        store.commit(run(1, store), lease)
        if point.isdigit():
            Timer(int(point) / 1_000, die).start()
        else:
            die_at(point)
        for number in count_from(2):
            store.commit(run(number, store), lease)


def count(backend: Backend, file: Path) -> None:
    """Add one to a number in a file 10 times, with nothing but the lease to keep others from it."""
    done = 0
    with backend.open() as store:
        while done < 10:
            try:
                with store.lease("detect", f"{os.getpid()}", minutes=10, now=datetime.now(UTC)):
                    number = int(file.read_text())
                    time.sleep(0.002)
                    file.write_text(f"{number + 1}")
                    done += 1
            except LeaseHeldError:
                time.sleep(0.001)


def work(action: str, state: str, database: str, endpoint: str, argument: str) -> None:
    backend = Backend.of(state, database, endpoint)
    if action == "commit":
        commit_until_killed(backend, argument)
    else:
        count(backend, Path(argument))


if __name__ == "__main__":
    words = iter(sys.argv[1:])
    forks = multiprocessing.get_context("fork")
    processes = [forks.Process(target=work, args=job) for job in zip(*[words] * 5, strict=True)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(*(process.exitcode for process in processes))  # noqa: T201

"""A run that is killed at any instruction leaves the state of before, or of after."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import postgresql
import pytest
from store.backends import Backend
from store.case_builders import HOUR, NOW, seen
from store.worker import run

from prefect_cloudtrail.store import Store

TESTS = Path(__file__).parents[1]

# Where the second commit is killed, and how many runs are there afterwards.
POINTS = {
    "after the files": 1,
    "before INSERT INTO runs": 1,
    "before INSERT INTO files": 1,
    "before INSERT INTO tell": 1,
    "before COMMIT": 1,
    "after COMMIT": 2,
}
MILLISECONDS = ("3", "17", "41")


# Every point where it is quick; elsewhere those where files, transaction and deletion meet.
KILLED = [
    *(("sqlite", point) for point in (*POINTS, *MILLISECONDS)),
    *(("postgresql", point) for point in (*POINTS, "41")),
    *(("bucket", point) for point in ("after the files", "before COMMIT", "after COMMIT")),
]


@pytest.fixture(scope="module")
def killed(
    tmp_path_factory: pytest.TempPathFactory, postgres: postgresql.Server, template: str, s3: str
) -> Iterator[dict[tuple[str, str], Backend]]:
    """States whose detectors were killed, each at its point or time."""
    with ExitStack() as stack:
        states: dict[tuple[str, str], Backend] = {}
        for place, point in KILLED:
            state, database = str(tmp_path_factory.mktemp("killed")), None
            if place != "sqlite":
                database = stack.enter_context(postgres.database(f"TEMPLATE {template}"))
            states[place, point] = Backend(state, database, s3 if place == "bucket" else "")
        jobs = [word for (_, point), state in states.items() for word in ("commit", *state.words(), point)]
        ended = subprocess.run(
            [sys.executable, "-m", "store.worker", *jobs],
            cwd=TESTS,
            env=os.environ | {"TMPDIR": str(tmp_path_factory.mktemp("copies"))},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
        )
        assert ended.stdout.split() == [f"{-signal.SIGKILL}"] * len(states)
        yield states


def runs_in(store: Store) -> list[set[str]]:
    """Return the runs as each part of the state knows them."""
    names = {seen(name)["high"].item(): name for name in map(str, range(10))}
    return [
        {run["run_id"] for run in store.runs()},
        set(store.ledger()["log.file.path"]),
        {names[bits] for bits in store.scan("seen").collect()["high"]},
        set(store.scan("presences").collect()["principal"]),
        set(store.scan("index").collect()["event.id"]),
        {incident.incident_id for incident in store.incidents()},
        {event_id for incident in store.incidents() for alert in incident.alerts for event_id in alert.event_ids},
        {incident_id for incident_id, _ in store.to_tell()},
    ]


def go_on(backend: Backend) -> set[str]:
    """Take over from a killed run, and return what is there after the next one."""
    with backend.open() as store, store.lease("detect", "next", minutes=10, now=NOW + HOUR) as lease:
        before = runs_in(store)
        assert before == [before[0]] * len(before)
        store.sweep()
        assert backend.files() == {entry.name for kind in ("presences", "index", "seen") for entry in store.files(kind)}
        assert store.scan("presences").collect().height == len(before[0])
        store.commit(run(len(before[0]) + 1, store), lease)
        after = runs_in(store)
        assert after == [{f"{number + 1}" for number in range(len(before[0]) + 1)}] * len(after)
        return before[0]


@pytest.mark.parametrize(("place", "point"), KILLED)
def test_a_run_killed_anywhere_is_there_whole_or_not_at_all(
    killed: dict[tuple[str, str], Backend], place: str, point: str
) -> None:
    before = go_on(killed[place, point])
    assert len(before) == POINTS[point] if point in POINTS else "1" in before

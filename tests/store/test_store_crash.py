"""A run that is killed at any instruction leaves the state of before, or of after."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from store.case_builders import HOUR, NOW
from store.worker import run

from prefect_cloudtrail.store import Store

TESTS = Path(__file__).parents[1]

# Where the second commit is killed, and how many runs are there afterwards.
POINTS = {
    "after the files": 1,
    "before INSERT INTO runs": 1,
    "before INSERT INTO event_keys": 1,
    "before INSERT INTO tell": 1,
    "before COMMIT": 1,
    "after COMMIT": 2,
}
MILLISECONDS = ("3", "17", "41")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """States whose detectors were killed, each at its point or time."""
    states = {point: tmp_path_factory.mktemp("killed") for point in (*POINTS, *MILLISECONDS)}
    jobs = [word for point, state in states.items() for word in ("commit", str(state), point)]
    ended = subprocess.run(
        [sys.executable, "-m", "store.worker", *jobs],
        cwd=TESTS,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.split() == [f"{-signal.SIGKILL}"] * len(states)
    return states


def runs_in(store: Store) -> list[set[str]]:
    """Return the runs as each part of the state knows them."""
    return [
        {run["run_id"] for run in store.runs()},
        set(store.ledger()["log.file.path"]),
        set(store.event_keys()["key"]),
        set(store.scan("presences").collect()["principal"]),
        set(store.scan("index").collect()["event.id"]),
        {incident.incident_id for incident in store.incidents()},
        {event_id for incident in store.incidents() for alert in incident.alerts for event_id in alert.event_ids},
        {incident_id for incident_id, _ in store.to_tell()},
    ]


def go_on(state: Path) -> set[str]:
    """Take over from a killed run, and return what is there after the next one."""
    with Store.open(state) as store, store.lease("detect", "next", minutes=10, now=NOW + HOUR) as lease:
        before = runs_in(store)
        assert before == [before[0]] * len(before)
        store.sweep()
        files = {str(path.relative_to(state)) for path in state.rglob("*.parquet")}
        assert files == {entry.name for kind in ("presences", "index") for entry in store.files(kind)}
        assert store.scan("presences").collect().height == len(before[0])
        store.commit(run(len(before[0]) + 1, store), lease)
        after = runs_in(store)
        assert after == [{f"{number + 1}" for number in range(len(before[0]) + 1)}] * len(after)
        return before[0]


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_a_point_is_there_whole_or_not_at_all(killed: dict[str, Path], point: str) -> None:
    assert len(go_on(killed[point])) == POINTS[point]


@pytest.mark.parametrize("milliseconds", MILLISECONDS)
def test_a_run_killed_at_any_time_is_there_whole_or_not_at_all(killed: dict[str, Path], milliseconds: str) -> None:
    assert "1" in go_on(killed[milliseconds])

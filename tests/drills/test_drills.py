"""Short forms of bench/drills: the real command, killed and crowded, leaves what it leaves undisturbed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.production

ROOT = Path(__file__).parents[2]
# Of a run that went through all steps: something of every kind was there to be lost or doubled.
THERE = {"incidents", "revisions", "cards", "to tell", "runs", "ledger", "seen", "presences", "usual", "index"}


def drill(*arguments: str, forked: bool = True) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.drills", *arguments, *(["--forked"] if forked else []), "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    row: dict[str, Any] = json.loads(ended.stdout)
    assert {part for part, rows in row["undisturbed"].items() if rows} >= THERE
    return row


def test_after_twenty_kills_nothing_is_lost_and_nothing_is_there_twice() -> None:
    row = drill("kill-detect", "--kills", "20", "--steps", "2")
    assert (row["kills"], row["differences"], row["leases_waited_for"]) == (20, [], 0)
    assert sum(row["landed"].values()) == 20


def test_a_run_of_many_commits_goes_on_from_the_last_after_a_kill() -> None:
    row = drill("kill-detect", "--kills", "3", "--steps", "1", "--chunk-bytes", "150000")
    assert (row["kills"], row["differences"], row["leases_waited_for"]) == (3, [], 0)
    assert row["undisturbed"]["runs"] > 2


def test_detectors_that_start_at_once_work_one_at_a_time() -> None:
    row = drill("at-once", "--rounds", "1", "--steps", "2")
    assert (row["steps"], row["differences"]) == (3, [])
    assert row["refused"] > 0


def test_a_flow_killed_while_it_tells_starts_each_response_once() -> None:
    row = drill("kill-flow", "--kills", "3", forked=False)
    assert (row["kills"], row["differences"]) == (3, [])
    assert row["undisturbed"]["to tell"] > 1

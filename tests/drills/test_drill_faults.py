"""Short forms of the drills of faults, on the faults that have found something, and of the soak."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.drills.soak import slope

ROOT = Path(__file__).parents[2]
TRIED = ("bodies are short, and say so", "city database halved meanwhile")


def drill(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.drills", *arguments, "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    row: dict[str, Any] = json.loads(ended.stdout)
    return row


@pytest.mark.production
def test_a_disturbed_run_fails_in_one_line_and_the_next_leaves_what_undisturbed_ones_leave() -> None:
    row = drill("faults", *(word for name in TRIED for word in ("--only", name)))
    assert [(each["fault"], each["status"], each["said"].count("\n")) for each in row["rows"]] == [
        (name, 1, 0) for name in TRIED
    ]
    assert row["differences"] == []


@pytest.mark.production
def test_runs_in_one_process_and_as_commands_leave_what_undisturbed_ones_leave_whatever_happens() -> None:
    row = drill("soak", "--runs", "3", "--seed", "2")
    assert (sum(row["runs"].values()), row["differences"]) == (3, [])
    assert row["disturbed_ended"]["not well"] > 0


@pytest.mark.parametrize(
    ("values", "grown"), [([], 0), ([5], 0), ([5, 5, 5], 0), ([1, 2, 3, 4], 1), ([4, 2], -2), ([1, 3, 2, 4], 0.8)]
)
def test_what_grows_is_told_by_its_slope(values: list[float], grown: float) -> None:
    assert slope(values) == pytest.approx(grown)

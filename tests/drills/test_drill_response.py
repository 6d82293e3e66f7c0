"""A short form of the response's drill: killed between its steps, each thing is done once."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.production

ROOT = Path(__file__).parents[2]


def drill(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.drills", "kill-response", *arguments, "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    row: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return row


def test_after_twenty_kills_each_step_was_done_once_and_nothing_is_left_half_done() -> None:
    row = drill("--kills", "20", "--without-respond")
    assert (row["kills"], row["differences"]) == (20, [])
    assert set(row["killed"]) == {"contain", "watch", "undo"}


def test_a_response_that_is_killed_tells_and_asks_once() -> None:
    row = drill("--kills", "3")
    assert (row["kills"], row["differences"]) == (3, [])
    assert row["killed"]["respond"] >= 1

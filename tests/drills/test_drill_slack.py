"""A short form of Slack's drill: whatever befalls Slack, each card and each decision is there once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.production

ROOT = Path(__file__).parents[2]


def test_each_card_and_each_decision_is_there_once_though_sockets_drop_and_answers_are_lost() -> None:
    given = ("--minutes", "0.1", "--incidents", "8", "--decided", "3", "--json")
    command = [sys.executable, "-m", "bench.drills", "slack", *given]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    row = json.loads(ended.stdout.splitlines()[-1])
    assert (row["differences"], row["found"]) == ([], row["expected"])
    assert (row["found"]["cards"], row["found"]["settled once"]) == (8, 3)
    assert sum(row["faults"].values()) > 1

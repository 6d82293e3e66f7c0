"""A short form of the drill of several responders: of all that are at it at once, one does each step."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.production

ROOT = Path(__file__).parents[2]


def test_several_responders_at_once_do_each_step_once() -> None:
    command = [sys.executable, "-m", "bench.drills", "crowd", "--rounds", "1", "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    row = json.loads(ended.stdout.splitlines()[-1])
    assert row["differences"] == []
    assert row["started"] >= 8
    assert row["audit"] == {"step started": 4, "step applied": 2, "step undone": 2}

"""A short form of AWS's drill: whatever befalls a call, the receipts say what is so, and it is given back."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.production

ROOT = Path(__file__).parents[2]


def test_whatever_befalls_aws_receipts_say_what_is_so_and_undo_gives_back_what_was() -> None:
    command = [sys.executable, "-m", "bench.drills", "aws", "--scenarios", "5", "--json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    row = json.loads(ended.stdout.splitlines()[-1])
    assert (row["scenarios"], row["differences"]) == (5, [])
    assert sum(row["faults"].values()) >= 1

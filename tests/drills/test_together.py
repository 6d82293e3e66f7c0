"""All drills as one: every command of the group is among them, one table says what they found."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bench.drills.__main__ import main
from bench.drills.together import KILLS, Ran, arguments, done, kills_of, table

ROOT = Path(__file__).parents[2]
DRILLS = {name: each for name, each in main.commands.items() if name != "all"}


def test_the_kills_of_all_drills_add_up_to_what_was_asked() -> None:
    shares = kills_of(DRILLS, KILLS)
    assert sum(shares.values()) == KILLS
    assert {"kill-detect", "kill-response", "kill-flow"} <= set(shares)
    assert min(shares.values()) > 1


def test_each_drill_takes_what_all_starts_it_with() -> None:
    for quick in (False, True):
        for name, command in DRILLS.items():
            given = list(arguments(command, 3, 7, quick=quick))
            context = command.make_context(name, given)
            assert context.params["as_json"] is True
            assert context.params["seed"] == 7


def test_a_quick_one_does_a_tenth() -> None:
    @click.command()
    @click.option("--seed", default=1)
    @click.option("--kills", default=200)
    @click.option("--minutes", default=10.0)
    @click.option("--rounds", default=3)
    @click.option("--forked", is_flag=True)
    def drill(**_: object) -> None: ...

    assert arguments(drill, 20, 2, quick=True) == (
        *("--json", "--seed", "2", "--kills", "20", "--minutes", "1", "--rounds", "1", "--forked"),
    )
    assert arguments(drill, 20, 2, quick=False) == ("--json", "--seed", "2", "--kills", "20")


def test_the_table_says_what_was_done_expected_and_found_and_names_each_difference() -> None:
    ran = [
        Ran("kill-detect", (), "", {"kills": 321, "rounds": 4, "differences": [], "seconds": 60}, ""),
        Ran("slack", (), "", {"faults": {"slow": 1, "down": 2}, "differences": ["cards: 2, not 1"], "seconds": 9}, ""),
        Ran("forged", (), "", None, "exit status 2, ''"),
    ]
    assert [" ".join(line.split()) for line in table(ran).splitlines()] == [
        "drill done expected found",
        "kill-detect kills 321, rounds 4, in 60 s 0 differences 0 differences",
        "slack faults 3, in 9 s 0 differences 1 difference",
        "forged 0 differences 1 difference",
        "all kills 321 0 differences 2 differences",
        "slack: cards: 2, not 1",
        "forged: it ended before its end: exit status 2, ''",
    ]
    assert done({}) == ""


@pytest.mark.production
def test_one_command_runs_them_and_leaves_a_row_each(tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    given = ["all", "--quick", "--only", "forged", "--rows", str(rows)]
    command = [sys.executable, "-m", "bench.drills", *given]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [(each["name"], each["row"]["tried"]) for each in json.loads(rows.read_text())] == [("forged", 100)]
    assert " ".join(ended.stdout.splitlines()[-1].split()) == "all kills 0 0 differences 0 differences"

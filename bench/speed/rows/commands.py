"""Commands whose time a user waits: `--help`, and a backtest of many tiny objects."""

import shutil
import subprocess
import sys
from pathlib import Path

from bench.speed.rows.whole import run_command
from bench.speed.sections import Line, Section, Setting
from bench.speed.taken import Contender, Taken, in_turns

SIMULATE = Path(__file__).parents[4] / "shared" / "tools" / "simulate.py"
LEARN_UNTIL, UNTIL = "2026-03-20T00:00:00Z", "2026-04-04T00:00:00Z"
HELP_SECONDS, BACKTEST_SECONDS = 0.3, 30
HELP, BACKTEST = "--help", "backtest"
PYTHON = "python -c pass"


def help_(setting: Setting) -> Section:
    """Return how long `--help` takes, beside Python that does nothing."""

    def run(contender: str) -> Taken:
        if contender == HELP:
            return run_command([HELP])[0]
        return run_command(["-c", "pass"], command=sys.executable)[0]

    found = in_turns([HELP, PYTHON], max(5, setting.runs), run, lambda _: None)
    asked, nothing = found
    said = f"{asked.seconds:.2f} s, {asked.cpu:.2f} of a processor; Python alone {nothing.seconds:.2f} s"
    return Section(
        "help", "`prefect-cloudtrail --help`.", found, [Line.most("`--help`", said, asked.seconds, HELP_SECONDS, "s")]
    )


def backtest(setting: Setting) -> Section:
    """Return how long a backtest of the developers' organisation takes: 23,098 objects of a few records each."""
    what, goal = "backtest of 60 days in tiny objects", f"under {BACKTEST_SECONDS} s"
    if not SIMULATE.exists():
        why = f"{SIMULATE.name} lies outside the project, and is absent"
        return Section("backtest", f"{what}.", [Contender(BACKTEST, left_out=why)], [Line.left_out(what, goal, why)])
    trail = setting.corpus.folder / "developers"
    if not trail.exists():
        making = trail.with_suffix(".part")
        shutil.rmtree(making, ignore_errors=True)
        subprocess.run([sys.executable, str(SIMULATE), str(making)], check=True, stdout=subprocess.PIPE)
        making.rename(trail)
    state = setting.work / "backtest"
    words = ["backtest", "--source", str(trail / "AWSLogs"), "--state", str(state), "--json"]
    words += ["--city-db", str(trail / "city.mmdb"), "--asn-db", str(trail / "asn.mmdb")]
    words += ["--learn-until", LEARN_UNTIL, "--until", UNTIL]

    def run(_: str) -> Taken:
        shutil.rmtree(state, ignore_errors=True)
        return run_command(words)[0]

    (found,) = in_turns([BACKTEST], setting.runs, run, setting.tell)
    said = f"{found.seconds:.1f} s, {found.cpu:.1f} of a processor, {found.peak_mb:,} MB"
    objects = sum(1 for _ in trail.rglob("*.json.gz"))
    line = Line.most(what, said, found.seconds, BACKTEST_SECONDS, "s")
    return Section("backtest", f"{objects:,} objects.", [found], [line])

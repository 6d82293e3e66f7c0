"""The command as a user types it, on one window: from a folder, from a bucket, on more history, and what it keeps."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.speed.organisation import UNTIL
from bench.speed.rows.fetch import BUCKET, MILLISECONDS
from bench.speed.sections import Line, Section, Setting
from bench.speed.stand_in import bucket
from bench.speed.state import add_ids
from bench.speed.taken import Contender, Taken, in_turns, peak_mb
from prefect_cloudtrail.store.database import FILE_NAME

COMMAND = Path(sys.executable).with_name("prefect-cloudtrail")
LOCAL, FAR = "from a folder", f"from a bucket {MILLISECONDS} ms away"
FEW_DAYS, LARGE, WITH_IDS = "7 days of history", "8 times the organisation", "with the look-back's ids"
WEEK, TIMES = 7, 8
SAMPLED = 0.2  # seconds
IDS_AN_EVENT = 8  # a window's events, for two hours
# What people wait for, and what a schedule of every 15 minutes can bear.
LOCAL_SECONDS, FAR_SECONDS, GIGABYTE, GROWTH, DISK_MB = 6, 10, 1_000, 1.2, 8


def section(setting: Setting) -> Section:
    """Return what the command takes on a window that lies in a folder, and in a bucket."""
    found = _run(setting, [LOCAL, FAR])
    here, far = found
    memory = f"{here.peak_mb:,} MB, all its processes together"
    lines = [
        Line.most("a window, `detect` on local objects", _said(here), here.seconds, LOCAL_SECONDS, "s"),
        Line.most("the same, memory", memory, here.peak_mb / GIGABYTE, 1, "GB"),
        Line.most(f"a window, `detect` from S3 at {MILLISECONDS} ms", _said(far), far.seconds, FAR_SECONDS, "s"),
        _disk(here),
    ]
    return Section("whole", _size(setting, here), found, lines)


def growth(setting: Setting) -> Section:
    """Return what the same window takes on more history, and in a larger organisation."""
    found = _run(setting, [FEW_DAYS, LOCAL, LARGE])
    few, usual, large = found
    lines = [
        _most_times(f"{setting.days} days of history against {WEEK}", usual, few),
        _most_times("8 times the organisation", large, usual),
    ]
    return Section("growth", _size(setting, usual), found, lines)


def ids(setting: Setting) -> Section:
    """Return what the ids of the look-back add: a state that has them, of as many windows as two hours have."""
    found = _run(setting, [LOCAL, WITH_IDS])
    without, with_ids = found
    line = _most_times("two hours of event ids in the look-back", with_ids, without)
    return Section("ids", _size(setting, without), found, [Line(line.what, line.figures, line.found, "-", None)])


def _most_times(what: str, more: Contender, less: Contender) -> Line:
    times = more.cpu / less.cpu
    said = f"{more.cpu:.1f} s of a processor against {less.cpu:.1f}; {more.seconds:.1f} s against {less.seconds:.1f}"
    return Line(f"the same window, {what}", said, round(times, 2), f"at most {GROWTH} times", times <= GROWTH)


def _said(contender: Contender) -> str:
    steps = ", ".join(f"{step} {contender.figure(step):.1f}" for step in ("read", "place", "count", "detect", "store"))
    return f"{contender.seconds:.1f} s, {contender.cpu:.1f} of a processor ({steps})"


def _disk(contender: Contender) -> Line:
    kept = contender.figure("kept_mb") / contender.figure("events") * 1e6
    said = f"{kept:.1f} MB a million events; the look-back's ids {contender.figure('ids_mb'):.0f} MB more"
    return Line.most("disk, all that is kept", said, kept, DISK_MB, "MB")


def _size(setting: Setting, contender: Contender) -> str:
    window = setting.corpus.window(events=setting.events)
    return (
        f"{window.events:,} events, {window.json_bytes / 1e9:.2f} GB of JSON, {window.stored_bytes / 1e6:,.0f} MB in "
        f"{window.objects:,} objects; {contender.figure('incidents'):,.0f} incidents come of them."
    )


def _run(setting: Setting, contenders: Sequence[str]) -> list[Contender]:
    window = setting.corpus.window(events=setting.events)
    days, times = {FEW_DAYS: WEEK}, {LARGE: TIMES}
    states = {each: setting.corpus.state(days.get(each, setting.days), times.get(each, 1)) for each in contenders}

    def run(contender: str) -> Taken:
        state = setting.work / "state"
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(states[contender], state)
        if contender == WITH_IDS:
            add_ids(state, IDS_AN_EVENT * setting.events)
        if contender != FAR:
            return detect(setting, str(window.trail), state, window.events, os.environ)
        with bucket(window.trail, BUCKET, MILLISECONDS) as environment:
            return detect(setting, f"s3://{BUCKET}", state, window.events, environment)

    return in_turns(contenders, setting.runs, run, setting.tell)


def detect(setting: Setting, source: str, state: Path, events: int, environment: Mapping[str, str]) -> Taken:
    """Return what the command took on this state, which it changes; it must read so many events, and reject none."""
    corpus, before = setting.corpus, _kept(state)
    words = ["detect", "--source", source, "--state", str(state), "--city-db", str(corpus.city_db), "--json"]
    words += ["--asn-db", str(corpus.asn_db), "--until", UNTIL.isoformat()]
    taken, printed = run_command(words, environment)
    summary: dict[str, Any] = json.loads(printed.splitlines()[-1])
    after = _kept(state)
    figures = {
        **summary["seconds"],
        "events": float(summary["events"]),
        "incidents": float(summary["incidents"]),
        "kept_mb": (after[0] - before[0]) / 1e6,
        "ids_mb": (after[1] - before[1]) / 1e6,
        **taken.figures,
    }
    return Taken(
        taken.seconds, taken.cpu, taken.peak_mb, summary["events"] == events and not summary["rejected"], figures
    )


def run_command(
    words: Sequence[str], environment: Mapping[str, str] = os.environ, command: str | Path = COMMAND
) -> tuple[Taken, str]:
    """Return what the command took, with all its processes, and what it printed.

    Memory is what all of them held at once, shared pages once, as sampled; never less than the largest ever had.
    """
    began = time.perf_counter()
    with subprocess.Popen([str(command), *words], env=environment, stdout=subprocess.PIPE, text=True) as running:
        held = _Held(running.pid)
        assert running.stdout  # noqa: S101 - a pipe
        printed = running.stdout.read()
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        largest, together, children = held.most()
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, words)
    figures = {"largest_mb": float(largest), "children_mb": float(children)}
    return Taken(seconds, used.ru_utime + used.ru_stime, max(largest, together), figures=figures), printed


class _Held:
    """Samples what a process and all below it hold, in megabytes."""

    def __init__(self, pid: int) -> None:
        self._pid, self._largest, self._together, self._children = pid, 0, 0, 0
        self._over = threading.Event()
        self._sampling = threading.Thread(target=self._sample, daemon=True)
        self._sampling.start()

    def most(self) -> tuple[int, int, int]:
        """Stop, and return the most of one process, of all together, and of those below the first."""
        self._over.set()
        self._sampling.join()
        return self._largest, self._together // 1024, self._children // 1024

    def _sample(self) -> None:
        while not self._over.wait(SAMPLED):
            family = _family(self._pid)
            held = [_proportional(each) for each in family]
            self._largest = max(self._largest, *map(peak_mb, family))
            self._together = max(self._together, sum(held))
            self._children = max(self._children, sum(held[1:]))


def _family(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for each in found:
        try:
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:  # it ended meanwhile
            continue
    return found


def _proportional(pid: int) -> int:
    """Kilobytes of a process, its share of what others hold too; 0 once it has ended."""
    try:
        said = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in said.splitlines() if line.startswith("Pss:")), 0)


def _kept(state: Path) -> tuple[int, int]:
    """Bytes of a state's files and its database without the ids of the look-back; and bytes of these."""
    files = {path: path.stat().st_size for path in state.rglob("*.parquet")}
    ids = sum(size for path, size in files.items() if path.parent.name == "seen")
    with sqlite3.connect(state / FILE_NAME, isolation_level=None) as database:
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(files.values()) - ids + (state / FILE_NAME).stat().st_size, ids

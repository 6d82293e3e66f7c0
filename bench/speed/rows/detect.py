"""Judging a million events against 90 days, beside the same arithmetic in DuckDB: `bench.judge`, in this run."""

import json
import subprocess
import sys
from dataclasses import replace

from bench.judge.measure import CONTENDERS, EVERY_ROW, OURS, PEER, SURPRISES, disagreements
from bench.judge.organisation import organisation
from bench.speed.sections import Line, Section, Setting, compared
from bench.speed.taken import Contender, Taken, in_turns


def section(setting: Setting) -> Section:
    """Return what judging takes; ours that judges every row must be as surprised as the peer, to the last digit."""
    folder = setting.corpus.folder / f"judged-{setting.events}"
    if not (folder / "placed.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        size = setting.corpus.size
        organisation(setting.corpus.seed, replace(size, events=setting.events, minutes=240)).write(folder)

    def run(contender: str) -> Taken:
        command = [sys.executable, "-m", "bench.judge", "--contender", contender, "--folder", str(folder)]
        said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        return Taken(said["seconds"]["judging"], said["cpu"]["judging"], said["judged_mb"])

    for left in SURPRISES.values():
        (folder / left).unlink(missing_ok=True)
    found = in_turns(CONTENDERS, setting.runs, run, setting.tell)
    compared_rows, differ = disagreements(folder)
    same = [_checked(each, agrees=not differ) if each.name != OURS else each for each in found]
    ours, every, peer = (next(each for each in same if each.name == name) for name in (OURS, EVERY_ROW, PEER))
    lines = [
        Line("detect, against DuckDB", compared(ours, [peer]), round(peer.cpu / ours.cpu, 2), "-", None),
        Line("the same, every row", compared(every, [peer]), round(peer.cpu / every.cpu, 2), "-", None),
    ]
    return Section("detect", f"{setting.events:,} events; {compared_rows:,} surprises compared.", same, lines)


def _checked(contender: Contender, *, agrees: bool) -> Contender:
    return replace(contender, runs=[replace(each, agrees=agrees) for each in contender.runs])

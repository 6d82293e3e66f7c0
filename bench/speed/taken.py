"""What one contender took, measured in a process of its own, and the medians of several in turns."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Taken:
    """What one run took: seconds by the clock and of a processor, and the most megabytes its process ever held.

    `figures` are its own: bytes read, objects fetched; `agrees`, whether its answer is everybody's, None where it only
    shows what could be.
    """

    seconds: float
    cpu: float
    peak_mb: int = 0
    agrees: bool | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """One contender's runs, or why there are none."""

    name: str
    runs: Sequence[Taken] = ()
    left_out: str | None = None

    @property
    def seconds(self) -> float:
        """The median by the clock."""
        return median(each.seconds for each in self.runs)

    @property
    def cpu(self) -> float:
        """The median of a processor."""
        return median(each.cpu for each in self.runs)

    @property
    def peak_mb(self) -> int:
        """The most of any run."""
        return max(each.peak_mb for each in self.runs)

    @property
    def agrees(self) -> bool | None:
        """Whether every run gave the answer; None where none was asked."""
        said = [each.agrees for each in self.runs]
        return None if None in said else all(said)

    def figure(self, name: str) -> float:
        """The median of a figure of its own."""
        return median(each.figures[name] for each in self.runs)

    def row(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def timed(
    work: Callable[[], Answer],
    agrees: Callable[[Answer], bool] | None = None,
    figures: Callable[[Answer], Mapping[str, float]] = lambda _: {},
) -> Taken:
    """Return what the work took in this process and the children it waited for, then whether its answer is right."""
    began, cpu = time.perf_counter(), _processor()
    answer = work()
    seconds, used = time.perf_counter() - began, _processor() - cpu
    return Taken(seconds, used, peak_mb(os.getpid()), agrees(answer) if agrees else None, figures(answer))


def peak_mb(pid: int) -> int:
    """Return the most megabytes a process ever held, 0 once it has ended.

    Not `ru_maxrss`, which begins at what the process that started it held.
    """
    try:
        said = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in said.splitlines() if line.startswith("VmHWM:")), 0)


def _processor() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def in_turns(
    contenders: Sequence[str], runs: int, run: Callable[[str], Taken | str], tell: Callable[[str], None]
) -> list[Contender]:
    """Return the contenders, each run so often, in turns: what else the machine does hits all alike.

    Args:
        contenders: their names.
        runs: how often.
        run: one run of this contender, or why it cannot be run here.
        tell: hears of each run.
    """
    taken: dict[str, list[Taken]] = {each: [] for each in contenders}
    reasons: dict[str, str] = {}
    for turn in range(runs):
        for each in contenders:
            if each in reasons:
                continue
            match run(each):
                case str(reason):
                    reasons[each] = reason
                    tell(f"{each}: left out, {reason}")
                case found:
                    taken[each].append(found)
                    tell(f"{each}, {turn + 1} of {runs}: {found.seconds:.2f} s, {found.cpu:.2f} of a processor")
    return [Contender(each, taken[each], reasons.get(each)) for each in contenders]


def in_its_own_process(
    row: str,
    contender: str,
    given: Mapping[str, Any],
    *,
    threads: int | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Taken:
    """Return what `row`'s contender took in a new process; with one thread, it is kept on one core as well."""
    environment = {**environment, **({"POLARS_MAX_THREADS": str(threads)} if threads else {})}
    command = [sys.executable, "-m", "bench.speed.contender", row, contender, json.dumps({"threads": threads, **given})]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return Taken(**json.loads(ran.stdout.splitlines()[-1]))

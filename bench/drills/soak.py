"""A day compressed: runs back to back in one process that lives on, and as commands, with faults drawn by a seed."""

import gc
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import IO, Any

from bench.drills.contents import Contents, contents, differences
from bench.drills.detect import DrillError, Say
from bench.drills.disturbances import FOR_EVER, LISTING, OBJECTS, halve, once, replaced
from bench.drills.faults import BUCKET, PREFIX, Site, keys, site_at
from bench.drills.organisation import Robbed, Step
from bench.drills.processes import COMMAND, Ended, start_forked
from bench.drills.s3_server import Fault, serving
from prefect_cloudtrail.errors import CloudTrailResponseError

# How many steps have a disturbed run before the one that ends well.
DISTURBED = 0.5
SIGNALLED_WITHIN_SECONDS = 3.0
# The first runs load what all of them need, and the allocator takes what it will keep.
WARM_UP = 0.25
# What a run may leave behind on the average. History grows meanwhile, by some hundred rows a run.
MOST_MB_A_RUN = 0.5
# Libraries' pools come and go; what every run left behind would be one or more.
MOST_DESCRIPTORS_A_RUN, MOST_THREADS_A_RUN = 0.05, 0.2
# Of fewer, a slope says little.
ENOUGH_RUNS = 24


@dataclass(frozen=True)
class Held:
    """What the process that lives on holds after a run."""

    rss_mb: float
    descriptors: int
    threads: int


@dataclass
class Tally:
    """What the drill did and found."""

    runs: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)  # of the disturbed runs
    held: list[Held] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "runs": dict(self.runs),
            "faults": dict(self.faults),
            "disturbed_ended": dict(self.ended),
            "rss_mb": [self.held[0].rss_mb, self.held[-1].rss_mb],
            "descriptors": [self.held[0].descriptors, self.held[-1].descriptors],
            "threads": [self.held[0].threads, self.held[-1].threads],
            "grown_a_run": {what: round(grown, 3) for what, (grown, _) in self.grown().items()},
            "allowed_a_run": {what: most for what, (_, most) in self.grown().items()},
            "differences": self.differences,
        }

    def grown(self) -> dict[str, tuple[float, float]]:
        """Return by how much what is held grew a run, and by how much it may."""
        return {
            "MB": (slope([each.rss_mb for each in self.warm]), MOST_MB_A_RUN),
            "descriptors": (slope([each.descriptors for each in self.warm]), MOST_DESCRIPTORS_A_RUN),
            "threads": (slope([each.threads for each in self.warm]), MOST_THREADS_A_RUN),
        }

    @property
    def warm(self) -> list[Held]:
        """What was held once the first runs were over."""
        return self.held[int(len(self.held) * WARM_UP) :]


def soak(organisation: Robbed, seed: int, say: Say) -> Tally:
    """Return what came of all the steps, every other one in one process that lives on, about half of them disturbed.

    Raises:
        DrillError: a run that nobody disturbed failed.
    """
    chance, tally = Random(seed), Tally()  # noqa: S311 - not for secrets
    with TemporaryDirectory(prefix="soak-", dir=organisation.generated.root) as folder, serving() as s3:
        expected = _undisturbed(organisation, Path(folder) / "expected")
        (Path(folder) / "trail").mkdir()
        site = site_at(Site(organisation, Path(folder) / "site", Path(folder) / "trail", s3, chance, in_s3=True))
        s3.create(BUCKET)
        with _living(site) as living:
            for step in organisation.steps:
                _deliver(site, step)
                lives = bool(step.number % 2)
                if chance.random() < DISTURBED:
                    _disturbed(site, step, living if lives else None, tally)
                ended = living.run(site.arguments(step)) if lives else site.run(step=step.number)
                if ended.status != 0:
                    raise DrillError(f"a run that nobody disturbed ended with {ended.status}: {ended.said}")
                tally.runs["in the process that lives on" if lives else "as commands"] += 1
                if lives:
                    tally.held.append(living.held)
                if step.number % 12 == 0 and tally.held:
                    say(f"step {step.number}: {tally.faults.total()} faults, {tally.held[-1]}")
        tally.differences += differences(expected, contents(site.state, None))
    return _flat(tally)


def slope(values: Sequence[float]) -> float:
    """Return how much a value grows from one to the next, by least squares; 0 of fewer than two."""
    if len(values) < 2:  # noqa: PLR2004
        return 0.0
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    rise = sum((place - middle) * (value - mean) for place, value in enumerate(values))
    return rise / sum((place - middle) ** 2 for place in range(len(values)))


def _flat(tally: Tally) -> Tally:
    """Note what grew, where enough runs say so."""
    if len(tally.warm) >= ENOUGH_RUNS:
        for what, (grown, most) in tally.grown().items():
            if grown > most:
                tally.differences.append(f"{what} grow by {grown:.2f} a run, where {most} are allowed")
    return tally


def _undisturbed(organisation: Robbed, folder: Path) -> Contents:
    trail = folder / "trail"
    trail.mkdir(parents=True)
    for step in organisation.steps:
        organisation.deliver(step, trail)
        ended = start_forked(organisation.arguments(step, trail, folder / "state", None)).wait()
        if ended.status != 0:
            raise DrillError(f"a run that nobody disturbed ended with {ended.status}: {ended.said}")
    return contents(folder / "state", None)


def _deliver(site: Site, step: Step) -> None:
    there = set(keys(site.trail))
    site.organisation.deliver(step, site.trail)
    new = {key: (site.trail / key).read_bytes() for key in keys(site.trail) if key not in there}
    site.server.put(BUCKET, {f"{PREFIX}/{key}": content for key, content in new.items()})
    # Remembered for tests, of which none looks here.
    site.server.asked.clear()


# The process that lives on


class Living:
    """A process that runs one run after the other, as a worker does."""

    def __init__(self, process: Popen[str]) -> None:
        self._process = process
        self.held = Held(0, 0, 0)

    def run(self, arguments: Sequence[str]) -> Ended:
        """Return how a run ended in it, and keep what it holds then."""
        began = time.monotonic()
        asked, answers = _pipes(self._process)
        print(json.dumps(list(arguments)), file=asked, flush=True)
        line = answers.readline()
        if not line:
            raise DrillError(f"the process that lives on ended with {self._process.wait()}")
        answer = json.loads(line)
        self.held = Held(**answer["held"])
        return Ended(answer["status"], answer["said"], time.monotonic() - began)


@contextmanager
def _living(site: Site) -> Iterator[Living]:
    command = [sys.executable, "-m", __name__]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True, env={**os.environ, **site.aws()}) as process:
        try:
            yield Living(process)
        finally:
            process.kill()


def _pipes(process: Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise DrillError("the process that lives on has no pipes")
    return process.stdin, process.stdout


def _live(asked: IO[str], answers: IO[str]) -> None:
    """Run what is asked, one after the other, and say what is held afterwards."""
    for line in asked:
        status, said = 0, ""
        try:
            _run(json.loads(line))
        except CloudTrailResponseError as error:
            status, said = 1, f"{COMMAND}: {error}\n"
        gc.collect()
        print(json.dumps({"status": status, "said": said, "held": vars(_held())}), file=answers, flush=True)


def _run(arguments: Sequence[str]) -> None:
    """Do what the task of the detect flow does."""
    from prefect_cloudtrail import clients, pipeline  # noqa: PLC0415 - of the process that lives on
    from prefect_cloudtrail.settings import settings  # noqa: PLC0415

    command, *words = [word for word in arguments if word != "--json"]
    given: dict[str, Any] = {
        name[2:].replace("-", "_"): value for name, value in zip(words[::2], words[1::2], strict=True)
    }
    until = datetime.fromisoformat(given.pop("until"))
    known = settings(**given)
    options = pipeline.Options(
        until=until,
        learn_until=pipeline.FOREVER if command == "backfill" else None,
        look_back=known.look_back,
        list_back=known.list_back,
        tell_from=known.tell_from,
        max_object_bytes=known.max_object_bytes,
    )
    geo, source = clients.geo(known), clients.log_source(known, until=until)
    with clients.case_store(known) as store:
        pipeline.run(store, source, geo, options, reading=clients.reading(known))


def _held() -> Held:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Held(
        round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1),
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - names alone
        len(os.listdir("/proc/self/task")),  # noqa: PTH208
    )


# The faults


def _disturbed(site: Site, step: Step, living: Living | None, tally: Tally) -> None:
    """Have one run of the step go wrong; one that is over before that, or has nothing to read, may end well."""
    run = partial(living.run, site.arguments(step)) if living else partial(site.run, step=step.number)
    in_process: dict[str, Callable[[], Ended]] = {
        "objects refused": partial(_answered, site, run, Fault(403, "AccessDenied")),
        "objects gone": partial(_answered, site, run, Fault(404, "NoSuchKey")),
        "bodies short": partial(_answered, site, run, Fault(short=20)),
        "listing short": partial(_answered, site, run, Fault(short=100), ending=LISTING),
        "listing refused": partial(_answered, site, run, Fault(403, "AccessDenied"), ending=LISTING),
        "city database halved": partial(_halved, site, run),
        "city database halved meanwhile": partial(_halved_meanwhile, site, run),
    }
    as_commands: dict[str, Callable[[], Ended]] = {
        "killed": partial(_signalled, site, step, signal.SIGKILL),
        "ended": partial(_signalled, site, step, signal.SIGTERM),
        "no file over 16 KB": partial(site.run, step=step.number, through=["prlimit", f"--fsize={16 * 1024}"]),
    }
    name, disturb = site.chance.choice(list((in_process if living else in_process | as_commands).items()))
    try:
        ended = disturb()
    finally:
        site.server.mend()
        replaced(site.city_db, site.organisation.generated.city_db)
    tally.faults[name] += 1
    tally.ended["well" if ended.status == 0 else "not well"] += 1


def _answered(site: Site, run: Callable[[], Ended], fault: Fault, ending: str = OBJECTS) -> Ended:
    site.server.fail("GET", ending, fault, FOR_EVER)
    return run()


def _halved(site: Site, run: Callable[[], Ended]) -> Ended:
    halve(site.city_db)
    return run()


def _halved_meanwhile(site: Site, run: Callable[[], Ended]) -> Ended:
    site.server.fail("GET", OBJECTS, once(partial(halve, site.city_db)), FOR_EVER)
    return run()


def _signalled(site: Site, step: Step, sent: signal.Signals) -> Ended:
    running = site.begin(step=step.number)
    time.sleep(site.chance.uniform(0, SIGNALLED_WITHIN_SECONDS))
    if running.pid is not None and not running.is_over():
        os.kill(running.pid, sent)
    return running.wait()


if __name__ == "__main__":
    _live(sys.stdin, sys.stdout)

"""The drill of faults: each disturbs one run of the real command; the next one leaves what undisturbed runs leave."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from bench.drills.contents import SUMMARIES, Contents, contents, differences
from bench.drills.databases import empty_database
from bench.drills.detect import LONGEST_WAIT_SECONDS, DrillError, Say
from bench.drills.organisation import Robbed, Step
from bench.drills.processes import AT_WORK, COMMAND, Ended, Running, start_forked, start_script
from bench.drills.s3_server import ENVIRONMENT, Server, serving
from prefect_cloudtrail.cloudtrail import Reason
from prefect_cloudtrail.store.files import KINDS

# What depends on which run brought what, where a disturbed one brought a part of it.
BY_RUNS = ("runs", SUMMARIES, "files", "revisions", "seen", "rejected")
# What is waited for may be over before it was seen; then the same is tried again.
TRIES = 8
LOOK_SECONDS = 0.0002
BUCKET, PREFIX = "trail", "AWSLogs"


class Promise(StrEnum):
    """How a disturbed run may end."""

    FAILS = "fails in one line"
    STOPS = "does not end well"  # by a signal, or in more lines
    DONE = "does all"
    IN_PART = "says what it could not read"
    EITHER = "does all, or does not end well"
    IN_A_LINE = "does all, or fails in one line"


class MissedError(Exception):
    """The run ended before it could be disturbed."""


@dataclass(frozen=True)
class Site:
    """One state after the first step, what its next run reads, and where the fault is put."""

    organisation: Robbed
    folder: Path
    trail: Path
    server: Server
    chance: Random
    database: str | None = None
    in_s3: bool = False

    @property
    def state(self) -> Path:
        """The state's folder."""
        return self.folder / "state"

    @property
    def city_db(self) -> Path:
        """A city database of its own."""
        return self.folder / "city.mmdb"

    @property
    def printed(self) -> Path:
        """What the last run printed."""
        return self.folder / "printed"

    def arguments(self, step: Step) -> list[str]:
        """Return the command's arguments."""
        given = self.organisation.arguments(step, self.trail, self.state, self.database)
        source = ["--source", f"s3://{BUCKET}/{PREFIX}"] if self.in_s3 else []
        return [*given, *source, "--city-db", str(self.city_db)]

    def begin(
        self,
        *,
        step: int = 1,
        through: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        until: bool = True,
    ) -> Running:
        """Start the step's command; without `until`, up to what the clock says."""
        arguments = self.arguments(self.organisation.steps[step])
        if not until:
            place = arguments.index("--until")
            del arguments[place : place + 2]
        return start_script(
            arguments, through=through, environment={**self.aws(), **(environment or {})}, printed=self.printed
        )

    def aws(self) -> dict[str, str]:
        """Return what a run must have in its environment to ask the local S3."""
        return {**ENVIRONMENT, "PREFECT_CLOUDTRAIL_ENDPOINT_URL": self.server.endpoint} if self.in_s3 else {}

    def run(self, **how: Any) -> Ended:  # noqa: ANN401 - as `begin`
        """Run the command to its end."""
        return self.begin(**how).wait()

    def finish(self, step: int) -> int:
        """Run the step's command as the next schedule does, and return how often it was refused before it ran.

        Raises:
            DrillError: it failed, or was refused for longer than any lease lasts.
        """
        began, refused = time.monotonic(), 0
        while True:
            arguments = self.arguments(self.organisation.steps[step])
            ended = start_forked(arguments, environment=self.aws()).wait()
            if ended.status == 0:
                return refused
            if not ended.is_refused or time.monotonic() - began > LONGEST_WAIT_SECONDS:
                raise DrillError(f"the next run ended with {ended.status}: {ended.said.strip() or 'silence'}")
            refused += 1
            time.sleep(1)

    def files(self) -> set[str]:
        """Return the names of the state's files."""
        found = set()
        for kind in KINDS:
            try:
                found |= {f"{kind}/{path.name}" for path in (self.state / kind).iterdir()}
            except FileNotFoundError:
                continue  # a run has still to make it
        return found

    @contextmanager
    def frozen(self, running: Running, shows: Callable[[set[str], set[str]], bool]) -> Iterator[None]:
        """Have the run stand still from the moment on at which its files show something, until the `with` ends.

        Args:
            running: the run.
            shows: whether it is so, given the files before the run, and now.

        Raises:
            MissedError: it ended before that.
        """
        before = self.files()
        while not shows(before, self.files()):
            if running.is_over():
                running.wait()
                raise MissedError
            time.sleep(LOOK_SECONDS)
        if running.pid is None or running.is_over():
            running.wait()
            raise MissedError
        os.kill(running.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(running.pid, signal.SIGCONT)


@dataclass(frozen=True)
class Fault:
    """One way to disturb a run: what it does, what is promised of the run, and what of its line is told."""

    name: str
    promise: Promise
    disturb: Callable[[Site], Ended]
    says: str = ""
    in_s3: bool = False
    step: int = 1  # the one that is disturbed
    base: Callable[[Site], None] | None = None  # makes the state before it; by default what the step before left
    is_slow: bool = False
    in_postgresql: bool = False
    left_out: tuple[str, ...] = ()  # what is not compared
    lacks: Callable[[], str | None] = field(default=lambda: None)  # why it cannot be tried here


@dataclass(frozen=True)
class Found:
    """What came of one fault."""

    fault: Fault
    status: int | None
    said: str
    differences: list[str] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "fault": self.fault.name,
            "expected": str(self.fault.promise),
            "status": self.status,
            "said": self.said,
            "differences": self.differences,
        }

    def line(self) -> str:
        """Return it for people."""
        ended = f"status {self.status}" if self.status is not None else "not tried"
        return f"{self.fault.name}: {self.fault.promise}; {ended}, {len(self.differences)} differences; {self.said}"


@dataclass
class Tally:
    """What the drill did and found."""

    found: list[Found] = field(default_factory=list)

    @property
    def differences(self) -> list[str]:
        """Everything that is not as promised."""
        return [f"{each.fault.name}: {what}" for each in self.found for what in each.differences]

    def row(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "rows": [each.row() for each in self.found],
            "differences": self.differences,
        }


def disturb(organisation: Robbed, faults: Sequence[Fault], server: str | None, seed: int, say: Say) -> Tally:
    """Return what came of each fault, in the middle of one run of a state of its own.

    Raises:
        DrillError: a run that nobody disturbed failed.
    """
    chance, tally = Random(seed), Tally()  # noqa: S311 - not for secrets
    with TemporaryDirectory(prefix="faults-", dir=organisation.generated.root) as folder, serving() as s3:
        trail = Path(folder) / "trail"
        trail.mkdir()
        for step in organisation.steps:
            organisation.deliver(step, trail)
        s3.create(BUCKET)
        s3.put(BUCKET, {f"{PREFIX}/{key}": (trail / key).read_bytes() for key in keys(trail)})
        learned = site_at(Site(organisation, Path(folder) / "learned", trail, s3, chance))
        learned.finish(0)
        expected = _undisturbed(learned)
        for fault in faults:
            found = _tried(fault, learned, server, expected)
            tally.found.append(found)
            say(found.line())
    return tally


def site_at(site: Site) -> Site:
    """Return the site, with its folder made and a city database in it."""
    site.folder.mkdir()
    shutil.copy(site.organisation.generated.city_db, site.city_db)
    return site


def keys(trail: Path) -> list[str]:
    """Return the log objects' keys, the newest last."""
    found = [path for path in trail.rglob("*") if path.is_file()]
    return [str(path.relative_to(trail)) for path in sorted(found, key=lambda each: each.name.split("_")[3])]


def _undisturbed(learned: Site) -> Contents:
    """Return what the rest comes to, on a copy."""
    with TemporaryDirectory(prefix="undisturbed-", dir=learned.folder) as folder:
        site = site_at(replace(learned, folder=Path(folder) / "site"))
        shutil.copytree(learned.state, site.state)
        for step in learned.organisation.steps[1:]:
            site.finish(step.number)
        return contents(site.state, None)


def _tried(fault: Fault, learned: Site, server: str | None, expected: Contents) -> Found:
    lacks = fault.lacks() or ("no --database" if fault.in_postgresql and server is None else None)
    if lacks:
        return Found(fault, None, f"not tried: {lacks}")
    for _ in range(TRIES):
        with (
            TemporaryDirectory(prefix="fault-", dir=learned.folder) as folder,
            empty_database(server if fault.in_postgresql else None) as database,
        ):
            here = replace(learned, folder=Path(folder) / "site", database=database, in_s3=fault.in_s3)
            site = site_at(here)
            _prepare(site, fault, learned.state)
            try:
                ended = fault.disturb(site)
            except MissedError:
                continue
            finally:
                site.server.mend()
            broken = list(_broken(fault, ended, _unread(site.printed)))
            return Found(fault, ended.status, ended.said.strip()[-300:], [*broken, *_left(site, fault, expected)])
    return Found(fault, None, "", [f"{TRIES} runs ended before they could be disturbed"])


def _prepare(site: Site, fault: Fault, learned: Path) -> None:
    if fault.base:
        fault.base(site)
    elif fault.in_postgresql:
        site.finish(0)
    elif fault.step:
        shutil.copytree(learned, site.state)


def _broken(fault: Fault, ended: Ended, unread: int) -> Iterator[str]:
    """What is not as promised of the run that was disturbed."""
    is_line = ended.said.startswith(f"{COMMAND}: ") and ended.said.count("\n") == 1
    in_a_line = ended.status == 1 and is_line and AT_WORK not in ended.said
    done = ended.status == 0 and not unread
    kept = {
        Promise.FAILS: in_a_line,
        Promise.STOPS: ended.status not in {0, None},
        Promise.DONE: done,
        Promise.IN_PART: ended.status == 0 and unread > 0,
        Promise.EITHER: done or ended.status not in {0, None},
        Promise.IN_A_LINE: done or in_a_line,
    }
    if not kept[fault.promise]:
        unread_too = f", {unread} objects unread" if ended.status == 0 else ""
        yield f"it ended with {ended.status}{unread_too}, not as promised ({fault.promise})"
    if in_a_line and not re.search(fault.says, ended.said):
        yield f"its line does not say {fault.says}"


def _unread(printed: Path) -> int:
    """How many objects the run says it could not read."""
    rows = [json.loads(line) for line in printed.read_text().splitlines()] if printed.exists() else []
    return sum(row["rejected"].get(Reason.UNREADABLE, 0) for row in rows if row["type"] == "summary")


def _left(site: Site, fault: Fault, expected: Contents) -> list[str]:
    """Run the rest, and once more, as the next schedules would, and return how what is there differs."""
    last = site.organisation.steps[-1].number
    try:
        for step in (*range(fault.step, last + 1), last):
            site.finish(step)
    except DrillError as error:
        return [str(error)]
    compared = {part: value for part, value in expected.items() if part not in fault.left_out}
    return differences(compared, contents(site.state, site.database))

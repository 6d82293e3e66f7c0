"""Drills of detect: killed at any moment, and several at once; what they leave equals what undisturbed runs leave."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from bench.drills.contents import Contents, contents, differences, glimpse
from bench.drills.databases import empty_database
from bench.drills.moments import Moment, draw, kill_at
from bench.drills.organisation import Robbed, Step
from bench.drills.processes import Ended, Running, Start

KILLED = -signal.SIGKILL
# One run in five is let end, so that steps go by that were killed once, and some that were killed often.
LET_END = 0.2
# In which steps one of the runs that start together is killed.
KILLED_EACH = 3
# A dead process's lease is free at once; what has to be waited for is counted, and longer than it lasts is an error.
LONGEST_WAIT_SECONDS = 150

Say = Callable[[str], None]


class DrillError(Exception):
    """A run did what no run may do: the drill cannot go on."""


@dataclass
class Tally:
    """What a drill did and found."""

    rounds: int = 0
    steps: int = 0
    killed: Counter[str] = field(default_factory=Counter)  # by what was aimed at
    landed: Counter[str] = field(default_factory=Counter)  # by what the killed run left
    survived: int = 0
    refused: int = 0
    waited: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many runs were killed."""
        return self.killed.total()

    def row(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "rounds": self.rounds,
            "steps": self.steps,
            "kills": self.kills,
            "killed": dict(self.killed),
            "landed": dict(self.landed),
            "survived": self.survived,
            "refused": self.refused,
            "leases_waited_for": self.waited,
            "differences": self.differences,
        }


@dataclass(frozen=True)
class Round:
    """One state on its way through the steps."""

    organisation: Robbed
    start: Start
    trail: Path
    state: Path
    database: str | None

    def begin(self, step: Step) -> Running:
        """Start the step's command."""
        return self.start(self.organisation.arguments(step, self.trail, self.state, self.database))

    def deliver(self, step: Step) -> None:
        """Deliver what arrives by the step."""
        self.organisation.deliver(step, self.trail)

    def finish(self, step: Step, tally: Tally) -> Ended:
        """Return how the step's command ended, run until it is not refused.

        Raises:
            DrillError: it failed, or was refused for longer than any lease lasts.
        """
        began = time.monotonic()
        while True:
            ended = self.begin(step).wait()
            if not ended.is_refused:
                return _done(ended)
            tally.waited += 1
            if time.monotonic() - began > LONGEST_WAIT_SECONDS:
                raise DrillError(f"still refused after {LONGEST_WAIT_SECONDS} s: {ended.said}")
            time.sleep(1)


@dataclass(frozen=True)
class Undisturbed:
    """What runs leave that nobody disturbs, and how long each step's run takes."""

    contents: Contents
    seconds: dict[int, float]
    left_out: tuple[str, ...] = ()  # the parts that are not compared


def undisturbed(organisation: Robbed, start: Start) -> Undisturbed:
    """Return what the same steps come to when nobody disturbs them."""
    seconds, tally = {}, Tally()
    with new_round(organisation, start, None) as under_way:
        for step in organisation.steps:
            under_way.deliver(step)
            seconds[step.number] = under_way.finish(step, tally).seconds
        return Undisturbed(contents(under_way.state, None), seconds)


def kill_detect(
    organisation: Robbed, start: Start, expected: Undisturbed, kills: int, seed: int, server: str | None, say: Say
) -> Tally:
    """Return what came of killing so many runs at random moments, each time starting the next at once.

    Raises:
        DrillError: a run failed that was not killed.
    """
    chance, tally = Random(seed), Tally()  # noqa: S311 - not for secrets
    while tally.kills < kills:
        with empty_database(server) as database, new_round(organisation, start, database) as under_way:
            for step in organisation.steps:
                under_way.deliver(step)
                _kill_through(under_way, step, expected.seconds[step.number], chance, kills, tally)
            _compare(under_way, expected, tally)
        say(f"round {tally.rounds}: {tally.kills} kills, {len(tally.differences)} differences")
    return tally


def _kill_through(under_way: Round, step: Step, usual: float, chance: Random, kills: int, tally: Tally) -> None:
    """Kill the step's runs until one ends before that or is let end, and then let one end."""
    before = glimpse(under_way.state, under_way.database)
    while tally.kills < kills and chance.random() > LET_END:
        moment = draw(chance, usual)
        running = under_way.begin(step)
        killed = kill_at(moment, running, under_way.state)
        ended = running.wait()
        after = glimpse(under_way.state, under_way.database)
        if not killed or ended.status != KILLED:
            tally.survived += 1
            _done(ended)
            break
        _note(moment, before.runs < after.runs, after.unnamed, tally)
        before = after
    under_way.finish(step, tally)
    tally.steps += 1


def _note(moment: Moment, committed: bool, unnamed: int, tally: Tally) -> None:
    tally.killed[moment.aim] += 1
    left = "before its files" if not unnamed else "with files that nothing names"
    tally.landed["after its commit" if committed else left] += 1


def at_once(
    organisation: Robbed,
    start: Start,
    expected: Undisturbed,
    rounds: int,
    seed: int,
    server: str | None,
    say: Say,
) -> Tally:
    """Return what came of starting two to four runs at the same moment, one of them killed in every third step.

    Raises:
        DrillError: a run failed for another reason than that another was at work.
    """
    chance, tally = Random(seed), Tally()  # noqa: S311 - not for secrets
    for _ in range(rounds):
        with empty_database(server) as database, new_round(organisation, start, database) as under_way:
            for step in organisation.steps:
                under_way.deliver(step)
                _run_together(under_way, step, expected.seconds[step.number], chance, tally)
            _compare(under_way, expected, tally)
        say(f"round {tally.rounds}: {tally.steps} steps, {len(tally.differences)} differences")
    return tally


def _run_together(under_way: Round, step: Step, usual: float, chance: Random, tally: Tally) -> None:
    together = [under_way.begin(step) for _ in range(chance.randint(2, 4))]
    killed = None
    if step.number % KILLED_EACH == 0:
        moment = draw(chance, usual)
        killed = chance.choice(together)
        if kill_at(moment, killed, under_way.state):
            tally.killed[moment.aim] += 1
    for running in together:
        ended = running.wait()
        if ended.is_refused:
            tally.refused += 1
        elif running is not killed or ended.status != KILLED:
            _done(ended)
    if killed is not None:
        # Whoever could have taken over may have been refused while the killed one still worked.
        under_way.finish(step, tally)
    tally.steps += 1


def _compare(under_way: Round, expected: Undisturbed, tally: Tally) -> None:
    """Run once more, as the next schedule would, and compare."""
    under_way.finish(under_way.organisation.steps[-1], tally)
    tally.rounds += 1
    found = contents(under_way.state, under_way.database)
    compared = {part: value for part, value in expected.contents.items() if part not in expected.left_out}
    tally.differences += [f"round {tally.rounds}: {each}" for each in differences(compared, found)]


def _done(ended: Ended) -> Ended:
    if ended.status != 0:
        raise DrillError(f"a run that nobody killed ended with {ended.status}: {ended.said.strip() or 'silence'}")
    return ended


@contextmanager
def new_round(organisation: Robbed, start: Start, database: str | None) -> Iterator[Round]:
    """Give an empty state, and an empty folder for the trail."""
    with TemporaryDirectory(prefix="drill-", dir=organisation.generated.root) as folder:
        (Path(folder) / "trail").mkdir()
        yield Round(organisation, start, Path(folder) / "trail", Path(folder) / "state", database)

"""The drill of the response: killed between any two steps of respond, contain, watch or undo, nothing is done twice.

A process of its own does the work and kills itself at the n-th of its marks: before each commit to the case store,
before each request to AWS, and after each answer. So every gap between two steps is met, not those alone that a clock
would hit. Started again until it ends, it must leave what undisturbed work leaves.
"""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from bench.drills.databases import empty_database
from bench.drills.flow import real_server
from bench.drills.robbery import Robbery, aws, robbed

KILLED = -signal.SIGKILL
# More marks than any of this work has: so late a kill never comes.
NEVER = 1_000_000
# How often what was killed is killed again, no later than the first time.
AGAIN = 0.3
WORK = ("respond", "contain", "watch", "undo")
LONGEST_SECONDS = 120
# What each process would import by itself, this module first of all; no Python thread is started by it.
PRELOADED = ["bench.drills.response", "prefect_cloudtrail.cli", "prefect_cloudtrail.clients"]

Say = Callable[[str], None]
Contents = dict[str, Any]
# A process, and the marks it came to.
Started = tuple[BaseProcess, Any]


@dataclass
class Tally:
    """What the drill did and found."""

    rounds: int = 0
    gaps: int = 0  # between two steps, in all pieces of work
    killed: Counter[str] = field(default_factory=Counter)  # by the work that was killed
    differences: list[str] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "rounds": self.rounds,
            "gaps": self.gaps,
            "kills": self.killed.total(),
            "killed": dict(self.killed),
            "differences": self.differences,
        }


def kill_response(server: str | None, kills: int, seed: int, say: Say, works: Sequence[str] = WORK) -> Tally:
    """Return what came of killing this work so many times, each time starting it again at once."""
    chance, tally = Random(seed), Tally()  # noqa: S311 - not for secrets
    with TemporaryDirectory(prefix="drill-") as folder, aws() as endpoint, _server(Path(folder), works):
        expected, marks = undisturbed(robbed(Path(folder) / "undisturbed", endpoint), works)
        # Every mark of each piece of work once, in an order drawn, before any a second time.
        turns = {work: cycle(chance.sample(range(1, count + 1), count)) for work, count in marks.items()}
        tally.gaps = sum(marks.values())
        while tally.killed.total() < kills:
            tally.rounds += 1
            with empty_database(server) as database:
                robbery = robbed(Path(folder) / str(tally.rounds), endpoint, database)
                found = _killed_through(robbery, turns, chance, kills, tally)
            tally.differences += [
                f"round {tally.rounds}: {part} is {found[part]!r}, not {value!r}"
                for part, value in expected.items()
                if found[part] != value
            ]
            say(f"round {tally.rounds}: {tally.killed.total()} kills, {len(tally.differences)} differences")
    return tally


@contextmanager
def _server(folder: Path, works: Sequence[str]) -> Iterator[None]:
    """Run a Prefect server where there is work for it."""
    if "respond" not in works:
        yield
        return
    with real_server(folder) as api:
        os.environ["PREFECT_API_URL"] = api
        yield


def undisturbed(robbery: Robbery, works: Sequence[str]) -> tuple[Contents, dict[str, int]]:
    """Return what undisturbed work leaves, and how many marks each piece of it has."""
    marks = {}
    for work in (*works, "watch"):
        prepare(robbery, work)
        status, marks[work] = _run(robbery, work, NEVER)
        if status != 0:
            raise RuntimeError(f"{work} failed though nobody disturbed it, with {status}")
    return contents(robbery), marks


def _killed_through(
    robbery: Robbery, turns: Mapping[str, Iterator[int]], chance: Random, kills: int, tally: Tally
) -> Contents:
    """Kill each piece of work at its next mark, start it again, kill it now and then once more, and let it end."""
    for work in turns:
        prepare(robbery, work)
        kill_at = next(turns[work])
        while tally.killed.total() < kills:
            status, _ = _run(robbery, work, kill_at)
            if status != KILLED:
                break
            tally.killed[work] += 1
            if chance.random() > AGAIN:
                break
            kill_at = chance.randint(1, kill_at)
        status, _ = _run(robbery, work, NEVER)
        if status != 0:
            tally.differences.append(f"round {tally.rounds}: {work} failed after its kills, with {status}")
    # A last look at what is watched, whose time came in one round and not in another.
    prepare(robbery, "watch")
    _run(robbery, "watch", NEVER)
    return contents(robbery)


def prepare(robbery: Robbery, work: str) -> None:
    """Give the responder something to do: a plan that is approved, a watch that is due, an undo that is approved."""
    if work == "respond":
        return  # the incident is there
    with robbery.open() as store:
        if work == "contain":
            robbery.approve(store, robbery.ask(store))
        elif work == "watch":
            due = datetime.now(UTC) - timedelta(seconds=1)
            for each in store.responses.watches():
                if each.next_at is not None:
                    store.responses.update_watch(each.decision_id, state=each.state, said=each.said, next_at=due)
        else:
            robbery.approve_undo(store)


def _run(robbery: Robbery, work: str, kill_at: int) -> tuple[int | None, int]:
    """Return how the work ended that kills itself at this mark, and how many marks it came to."""
    return ended(begin(robbery, work, kill_at), work)


def begin(robbery: Robbery, work: str, kill_at: int) -> Started:
    """Start the work that kills itself at this mark."""
    words = ["respond", robbery.incident.incident_id] if work == "respond" else ["responder", "--once"]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    marks = context.Value("i", 0)
    process = context.Process(target=_work, args=(robbery.environment, words, kill_at, marks))
    process.start()
    return process, marks


def ended(started: Started, work: str) -> tuple[int | None, int]:
    """Return how it ended, and how many marks it came to.

    Raises:
        TimeoutError: it hangs; it was killed.
    """
    process, marks = started
    process.join(LONGEST_SECONDS)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"{work} hangs for over {LONGEST_SECONDS} s")
    return process.exitcode, marks.value


def _work(
    environment: dict[str, str],
    words: list[str],
    kill_at: int,
    marks: Any,  # noqa: ANN401 - multiprocessing's own
) -> None:
    """Be the command, killed at the mark."""
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from botocore.handlers import BUILTIN_HANDLERS  # noqa: PLC0415  # in this process alone
    from sqlalchemy import Engine, event  # noqa: PLC0415

    from prefect_cloudtrail.cli import main  # noqa: PLC0415

    def mark(*_: object, **__: object) -> None:
        marks.value += 1
        if marks.value == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", mark)
    BUILTIN_HANDLERS.extend([("before-send", mark), ("response-received", mark)])
    main(words)


def contents(robbery: Robbery) -> Contents:
    """Return what is there: nothing of it names an id, so two robberies can be compared."""
    with robbery.open() as store:
        responses = store.responses
        receipts = responses.receipts()
        requests = responses.requests(robbery.incident.incident_id)
        return {
            "asked": sorted(each.plan.playbook for each in requests),
            "shown": sorted(each.delivered_at is not None for each in requests),
            "told and not shown": len(store.outbox_pending()),
            "context": responses.context(robbery.incident.incident_id) is not None,
            "receipts": [
                (
                    each.position,
                    each.step.action,
                    each.step.undoes is not None,
                    each.before.get("status"),
                    each.outcome.value,
                    each.applied_at is not None,
                    each.undone_by is not None,
                )
                for each in receipts
            ],
            "watches": sorted((each.state, each.next_at is None) for each in responses.watches()),
            "to carry out": responses.to_carry_out(),
            "the audit's faults": responses.verify_audit(),
            "breaker": responses.breaker().tripped,
            "key": robbery.key_status(),
            "policies": robbery.policies(),
        }

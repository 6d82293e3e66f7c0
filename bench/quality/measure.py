"""One world judged: ours and both peers on the same trail."""

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.quality import ours, peers
from bench.quality.judge import Figures, Labelled, Raised, Ranked, judge, rank
from bench.quality.worlds import Trail, World, prepare

OURS = "ours"
ELASTIC = "Elastic's formula"
FIRST_SEEN = "first-seen list"
CONTENDERS = (OURS, ELASTIC, FIRST_SEEN)

Answer = tuple[str, list[Raised], float]  # contender, what it raised, seconds


@dataclass(frozen=True)
class Measured:
    """One contender on one world: its figures, and the ranking they were read from.

    `seconds` is the contender's own time, reading the trail included; nothing else differs between two runs.
    """

    world: World
    contender: str
    figures: Figures
    ranking: tuple[Ranked, ...]
    kinds: dict[int, str]
    seconds: float

    @property
    def told_false_a_week(self) -> float:
        """Innocents' incidents told, a judged week."""
        return self.figures.told_false / self.world.weeks

    def row(self) -> dict[str, Any]:
        """Return it as JSON, with the ranking: enough for the pictures, and for `bench.fit` to weigh the evidence."""
        return {
            "organisation": self.world.shape,
            "seed": self.world.seed,
            "weeks": self.world.weeks,
            "contender": self.contender,
            "seconds": round(self.seconds, 1),
            **asdict(self.figures),
            "told_false_a_week": round(self.told_false_a_week, 3),
            "ranking": [
                {
                    "risk": round(each.raised.risk, 4),
                    "stands_for": sorted(each.stands_for),
                    "thefts": [self.kinds[number] for number in sorted(each.stands_for)],
                    "principal": each.raised.principal,
                    "weighed": each.raised.weighed,
                    "evidence": list(each.raised.evidence),
                }
                for each in self.ranking
            ],
        }


def measure(world: World, keep: Path | None = None, peers_too: bool = True) -> list[Measured]:
    """Return what each contender makes of the world.

    Args:
        world: which.
        keep: where to leave what was generated and the backtest's state; nowhere by default.
        peers_too: whether the peers are measured beside ours.
    """
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as temporary:
        home = (keep or Path(temporary)) / world.name
        trail = prepare(world, home)
        answers = [_timed(OURS, lambda: ours.backtest(world, trail, home / "state"))]
        if peers_too:
            answers += _peers(trail)
    return [_judged(world, trail.thefts, answer) for answer in answers]


def _peers(trail: Trail) -> list[Answer]:
    began = time.perf_counter()
    seen = peers.sightings(trail)
    reading = time.perf_counter() - began
    return [
        _timed(ELASTIC, lambda: peers.elastic(seen), reading),
        _timed(FIRST_SEEN, lambda: peers.first_seen(seen), reading),
    ]


def measure_all(
    worlds: Sequence[World],
    processes: int,
    keep: Path | None,
    tell: Callable[[list[Measured]], None],
    peers_too: bool = True,
) -> list[Measured]:
    """Return every contender on every world, in the order of the worlds.

    Args:
        worlds: which.
        processes: how many worlds are worked on at a time.
        keep: where to leave what was generated.
        tell: told of each world when its turn comes.
        peers_too: whether the peers are measured beside ours.
    """
    if processes == 1:
        return _collected((measure(world, keep, peers_too) for world in worlds), tell)
    # Started afresh: a forked copy of polars' thread pool does not run.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as executor:
        return _collected(executor.map(measure, worlds, repeat(keep), repeat(peers_too)), tell)


def _collected(judged: Iterable[list[Measured]], tell: Callable[[list[Measured]], None]) -> list[Measured]:
    found = []
    for of_one_world in judged:
        tell(of_one_world)
        found += of_one_world
    return found


def _timed(contender: str, raise_all: Callable[[], Iterable[Raised]], before: float = 0.0) -> Answer:
    began = time.perf_counter()
    raised = list(raise_all())
    return contender, raised, before + time.perf_counter() - began


def _judged(world: World, thefts: Sequence[Labelled], answer: Answer) -> Measured:
    contender, raised, seconds = answer
    ranking = rank(raised, thefts, world.learn_until)
    kinds = {theft.number: theft.kind for theft in thefts}
    return Measured(world, contender, judge(ranking, thefts), tuple(ranking), kinds, seconds)

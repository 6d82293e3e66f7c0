"""One contender, timed in this process, so that the peak memory is its own; and whether two agree."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from bench.judge import peer
from bench.judge.organisation import Judged
from prefect_cloudtrail import alerts, casework, detectors, rarity
from prefect_cloudtrail.detectors import rules
from prefect_cloudtrail.history import HOUR_OF_WEEK, History, coded, holds
from prefect_cloudtrail.incidents import assign, judge
from prefect_cloudtrail.schema import INDEX, UTC_MICROSECONDS

OURS, EVERY_ROW, PEER = "ours", "ours, every row", "DuckDB, every row"
CONTENDERS = (OURS, EVERY_ROW, PEER)
LAST_DIGIT = 0.0015  # both round to a thousandth of a deciban
SURPRISES = {EVERY_ROW: "ours.parquet", PEER: "peer.parquet"}


@dataclass
class Measured:
    """What one contender took: seconds by step, and those of a processor; megabytes at most; and what it counted."""

    contender: str
    seconds: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    judged_mb: int = 0
    peak_mb: int = 0
    counted: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Time a step."""
        began, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds[step] = round(time.perf_counter() - began, 2)
        self.cpu[step] = round(time.process_time() - cpu, 2)


def measure(contender: str, folder: Path) -> Measured:
    """Return what the contender took on the input in this folder; every row's surprises are left there."""
    measured, judged = Measured(contender), Judged.read(folder)
    if contender == OURS:
        _judge(measured, judged)
    else:
        with measured.timed("judging"):
            if contender == PEER:
                peer.surprises(folder, folder / SURPRISES[PEER])
            else:
                _every_row(judged, _history(judged)).write_parquet(folder / SURPRISES[EVERY_ROW])
    measured.peak_mb = _most_mb()
    measured.judged_mb = measured.judged_mb or measured.peak_mb
    return measured


def _history(judged: Judged) -> History:
    """Everything known; nobody's presences are held back."""
    return History.of(judged.usual, coded(judged.learned).collect(engine="streaming"), holds([]))


def _judge(measured: Measured, judged: Judged) -> None:
    """What a run does: find, then open incidents, answer their questions and weigh the evidence."""
    with measured.timed("judging"):
        history, places = _history(judged), judged.places.collect()
        sightings = rarity.sightings(judged.placed, history)
        found = detectors.find(sightings, history, places)
    measured.judged_mb = _most_mb()
    with measured.timed("incidents"):
        raised = alerts.limit(alerts.alerts(found, judged.placed), set())
        theirs = pl.col("person").is_in({alert.person for alert in raised})
        index = judged.placed.filter(theirs).select(list(INDEX)).collect(engine="streaming")
        drafts = assign(raised, [], casework.cohorts(raised, index, history))
        seen = casework.views(drafts, index, index, (history, places), None)
        incidents = [judge(draft, seen[draft.incident_id]) for draft in drafts if seen.get(draft.incident_id)]
    measured.counted = {
        "events": _rows(judged.placed),
        "presences of the last days": history.learned.height,
        "usual counts": _rows(judged.usual),
        "sightings": sightings.height,
        "findings": found.height,
        "incidents": len(incidents),
    }


def _every_row(judged: Judged, history: History) -> pl.DataFrame:
    """The surprises that the peer answers with, by our arithmetic: no row is left out because it is exempt."""
    sightings = rarity.sightings(judged.placed, history)
    found = []
    for rule in rules().values():
        for level in rule.levels if rule.levels != (HOUR_OF_WEEK,) else ():
            asked = rarity.asked(sightings, history, rule, level)
            if not asked.is_empty():
                surprises = rarity.surprise(asked, history, rule, level)
                found.append(
                    surprises.select(
                        pl.lit(rule.name).alias("rule"), pl.lit(level).alias("level"), *peer.KEY, "surprise"
                    )
                )
    return pl.concat(found)


def disagreements(folder: Path) -> tuple[int, int]:
    """Return how many surprises were compared, and how many of them only one knows, or the two put otherwise."""
    key = ["rule", "level", *peer.KEY]
    ours, theirs = (
        pl.read_parquet(folder / SURPRISES[each]).with_columns(pl.col("hour").cast(UTC_MICROSECONDS)).unique()
        for each in (EVERY_ROW, PEER)
    )
    both = ours.join(theirs, on=key, how="full", nulls_equal=True, suffix="_of_peer")
    same = (pl.col("surprise") - pl.col("surprise_of_peer")).abs() < LAST_DIGIT
    return both.height, both.filter(~same.fill_null(value=False)).height


def _rows(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())


def _most_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

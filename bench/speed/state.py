"""A state folder that has learned for days, made through the real store: drawn days, committed in order."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import polars as pl

from bench.judge.organisation import BEGIN
from bench.speed.organisation import CHECKPOINT, Organisation
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.history import HELD_BACK, SEPARATOR, day_of, fold, midnight, presences
from prefect_cloudtrail.pipeline import KEPT, Options, Summary, all_tallies
from prefect_cloudtrail.schema import INDEX, PLACES, PRESENCES, REJECTED, SEEN, USUAL, empty
from prefect_cloudtrail.store import OBJECT, Change, FileKind, Lease, Replacement, Store, compaction

MERGED_DAYS = 10  # folded days that are summed at a time
OPTIONS = Options(until=CHECKPOINT)
# As the pipeline has it: days before this one are folded.
CLOSED = day_of(CHECKPOINT - 2 * HELD_BACK - 3 * OPTIONS.look_back - timedelta(hours=1))
# Where another organisation's names are other names.
OWN = ("principal", "person", "peers", "account", "network", "cloud.account.id", "source.ip", "log.file.path")


def remember(organisation: Organisation, geo: Geo, state: Path, days: int) -> None:
    """Leave a state that has read the organisation for so many days, up to the checkpoint.

    Args:
        organisation: that of the window.
        geo: the databases it is placed by.
        state: the folder; there is none yet.
        days: how far back it remembers. The days past holding back are usual counts.
    """
    today, usual = day_of(BEGIN), _Sums()
    with _opened(state, geo) as commit:
        for ago in range(days, -1, -1):
            placed = organisation.day(ago)
            learned = presences(placed)
            if today - ago < CLOSED:
                usual.add(fold(empty(USUAL), learned, all_tallies(), today))
            commit(
                Learned(
                    f"day {ago}",
                    midnight(today - ago + 1) if ago else CHECKPOINT,
                    placed.drop_nulls("place").unique("place", keep="first").select(list(PLACES)).sort("place"),
                    learned.select(list(PRESENCES)),
                    placed.filter(pl.col("@timestamp") >= CHECKPOINT - KEPT["index"]).select(list(INDEX)),
                    None if ago else usual.total(),
                )
            )


def multiply(state: Path, times: int, to: Path, geo: Geo) -> None:
    """Leave a state that remembers so many organisations, one beside the other: that of `state`, and others like it.

    The others have accounts, people and networks of their own, in the same cities. Counts add up; days do not.
    """
    with Store.read_only(state) as known, _opened(to, geo) as commit:
        usual, places = known.scan("usual").collect(), known.places()
        counted = pl.concat([renamed(usual, each, ("context", "outcome")) for each in range(times)])
        summed = (
            counted.group_by("tally", "context", "outcome")
            .agg(pl.col("weight").sum(), pl.col("days").max(), pl.col("first_day").min(), pl.col("last_day").max())
            .sort("tally", "context", "outcome")
        )
        for entry in known.files("presences"):
            commit(Learned(entry.name, CHECKPOINT, places, presences=_copied(known.rows([entry]), times)))
        for entry in known.files("index"):
            commit(Learned(entry.name, CHECKPOINT, places, index=_copied(known.rows([entry]), times)))
        commit(Learned("usual", CHECKPOINT, places, usual=summed))


def _copied(rows: pl.DataFrame, times: int) -> pl.DataFrame:
    return pl.concat([renamed(rows, each, OWN) for each in range(times)])


def renamed(rows: pl.DataFrame, number: int, columns: Sequence[str]) -> pl.DataFrame:
    """Return the rows of another organisation like this: its accounts, people and networks have names of their own."""
    changed = [column for column in columns if column in rows.columns]
    text = (
        pl.col(changed)
        .str.replace_all("100000000", f"10000000{number}", literal=True)
        .str.replace_all("of0", f"of{number}", literal=True)
        .str.replace_all(rf"(^|{re.escape(SEPARATOR)})50\.(\d)", f"${{1}}{50 + number}.${{2}}")
    )
    return rows.with_columns(text) if number else rows


@dataclass(frozen=True)
class Learned:
    """What one run taught, and its last window's end: PRESENCES, INDEX, PLACES, and USUAL where it folded."""

    run_id: str
    end: datetime
    places: pl.DataFrame
    presences: pl.DataFrame = field(default_factory=lambda: empty(PRESENCES))
    index: pl.DataFrame = field(default_factory=lambda: empty(INDEX))
    usual: pl.DataFrame | None = None


@contextmanager
def _opened(state: Path, geo: Geo) -> Iterator[Callable[[Learned], None]]:
    """Give what commits to a new state, run after run."""
    with Store.open(state) as store, store.lease("detect", "bench.speed", 60, datetime.now(UTC)) as lease:

        def commit(learned: Learned) -> None:
            change = replace(
                _NOTHING,
                run_id=learned.run_id,
                window=(learned.end, learned.end),
                checkpoint=learned.end,
                presences=learned.presences,
                index=learned.index,
                places=learned.places,
                usual=learned.usual,
                usual_until=None if learned.usual is None else midnight(CLOSED).date(),
            )
            lease.renew(datetime.now(UTC))
            store.commit(change, lease)

        yield commit
        _merge(store, lease)
        store.replace(Replacement(geo.build, [], [], empty(PLACES)), lease)


def add_ids(state: Path, number: int) -> None:
    """Add so many ids of events of the look-back, which a run keeps so that no event counts twice."""
    numbers = pl.int_range(number, eager=True)
    at = pl.lit(CHECKPOINT) - pl.duration(milliseconds=pl.col("number") * 7_200_000 // max(number, 1))
    ids = pl.DataFrame({"number": numbers}).select(
        pl.col("number").hash(seed=1).alias("high"), pl.col("number").hash(seed=2).alias("low"), at.alias("@timestamp")
    )
    seen = ids.select(pl.col(column).cast(kind) for column, kind in SEEN.items())
    with Store.open(state) as store, store.lease("detect", "bench.speed", 60, datetime.now(UTC)) as lease:
        store.commit(replace(_NOTHING, run_id="ids", seen=seen), lease)


def _merge(store: Store, lease: Lease) -> None:
    """Merge files until no run would: this state's runs merged as they went."""
    kinds: tuple[FileKind, ...] = ("presences", "index")
    for number in count():
        groups = [group for kind in kinds for group in compaction(store.files(kind), midnight(CLOSED))]
        if not groups:
            return
        merged = replace(
            _NOTHING,
            run_id=f"merge {number}",
            replacements=[store.rows(group) for group in groups],
            drop_files=[entry.name for group in groups for entry in group],
        )
        lease.renew(datetime.now(UTC))
        store.commit(merged, lease)


_NOTHING = Change(
    run_id="",
    window=(CHECKPOINT, CHECKPOINT),
    checkpoint=CHECKPOINT,
    objects=empty(OBJECT),
    rejected=empty(REJECTED),
    seen=empty(SEEN),
    presences=empty(PRESENCES),
    index=empty(INDEX),
    places=empty(PLACES),
    incidents=[],
    tell=[],
    summary=Summary().row(),
)


class _Sums:
    """USUAL of many days, which are additive: summed some days at a time, which holds less and is done sooner."""

    def __init__(self) -> None:
        self._waiting: list[pl.DataFrame] = []

    def add(self, of_a_day: pl.DataFrame) -> None:
        self._waiting.append(of_a_day)
        if len(self._waiting) == MERGED_DAYS:
            self._waiting = [self.total()]

    def total(self) -> pl.DataFrame:
        sums = pl.concat([empty(USUAL), *self._waiting]).group_by("tally", "context", "outcome")
        summed = sums.agg(
            pl.col("weight").sum(), pl.col("days").sum(), pl.col("first_day").min(), pl.col("last_day").max()
        )
        return summed.sort("tally", "context", "outcome")

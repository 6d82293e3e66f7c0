"""What an organisation's learning days ask of a rule: every presence, with the counts before it."""

from pathlib import Path

import numpy as np
import polars as pl

from bench.fit.contexts import Counted
from bench.quality.worlds import Trail, World, prepare
from prefect_cloudtrail import arrivals, rarity
from prefect_cloudtrail.cloudtrail import FolderSource, read_objects
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.history import History, day, holds, presences
from prefect_cloudtrail.named import named
from prefect_cloudtrail.pipeline import Options
from prefect_cloudtrail.rule import POSSIBLE, Rule
from prefect_cloudtrail.schema import PLACED, SEEN, USUAL, empty
from prefect_cloudtrail.seen import KEY, with_bits


def learn(world: World, home: Path, rules: list[Rule]) -> dict[str, Counted]:
    """Return each rule's rows of the world's learning days; a rule without a row is left out.

    Args:
        world: which.
        home: where to generate it.
        rules: those that have contexts.
    """
    placed = _placed(prepare(world, home), world)
    history = History.of(empty(USUAL).lazy(), presences(placed), holds([]))
    sightings = rarity.sightings(placed, history)
    found = {}
    for rule in rules:
        rows = counted(sightings, history, rule)
        if rows is not None:
            found[rule.name] = rows
    return found


def counted(sightings: pl.DataFrame, history: History, rule: Rule) -> Counted | None:
    """Return the counts before each row of `once_a_day`.

    Args:
        sightings: SIGHTINGS with `rarity.learning`'s columns.
        history: what was known before.
        rule: whose contexts.

    Returns:
        None where nobody may judge any row yet.
    """
    level = rule.levels[0]
    judged = rarity.surprise(once_a_day(sightings, rule), history, rule, level)
    if judged.is_empty():
        return None
    indices = range(len(rule.contexts))
    quiet = [
        pl.any_horizontal(
            pl.col("organisation_learns"),
            pl.col(f"total_{index}").is_null(),
            *(pl.col(f"{who}_learns") for who in rule.contexts[index].learns_with),
        ).alias(str(index))
        for index in indices
    ]
    return Counted(
        n=judged.select(pl.col(f"n_{index}").fill_null(0) for index in indices).to_numpy(),
        total=judged.select(pl.col(f"total_{index}").fill_null(0) for index in indices).to_numpy(),
        quiet=judged.select(quiet).to_numpy(),
        root=1 / np.maximum(POSSIBLE[level], judged["seen"].fill_null(0).to_numpy() + 1),
    )


def once_a_day(sightings: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Return the day's first sighting of each (principal, outcome) in the rule's most specific context."""
    level = rule.levels[0]
    unit = [*rule.contexts[0].columns, "principal", level, day("hour").alias("day")]
    return sightings.filter(pl.col(level).is_not_null()).sort("hour").unique(unit, keep="first", maintain_order=True)


def _placed(trail: Trail, world: World) -> pl.DataFrame:
    """The events of the learning days, named and dated as a run would, each once."""
    source = FolderSource(trail.logs)
    objects = source.list()
    events = read_objects(source, objects).events.filter(pl.col("@timestamp") < world.learn_until)
    look_back = Options(until=world.until).look_back
    dated = arrivals.dated(named(events, Geo.open(trail.city_db, trail.asn_db)), objects, None, look_back)
    placed, *_ = arrivals.each_once(with_bits(dated.with_columns(KEY), "key").lazy(), empty(SEEN).lazy(), look_back)
    return placed.select(list(PLACED)).collect()

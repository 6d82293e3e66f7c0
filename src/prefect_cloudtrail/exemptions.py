"""Surprises that are none after all: each leaves out the rows that it explains."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from prefect_cloudtrail.egress import egress_networks
from prefect_cloudtrail.geo import kilometres
from prefect_cloudtrail.history import History, Tally
from prefect_cloudtrail.rule import Rule

USUAL_DAYS = 2
EGRESS = "egress"
NEAR_KM = 50
ACCURACY_AT_MOST_KM = 200  # a country's own radius would make all of it near

NETWORKS = Tally(("principal",), "network", own=True)
TALLIES = (NETWORKS,)


@dataclass(frozen=True)
class Exemption:
    """A reason why a surprising row is no finding; `left` returns the rows that it does not explain."""

    why: str
    left: Callable[[pl.DataFrame, History, pl.DataFrame, Rule], pl.DataFrame]
    needs_no_surprise: bool = False


def not_usual(rows: pl.DataFrame, _history: History, _places: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Leave out what was there on two earlier days, in the context that judged."""
    days = pl.coalesce(
        *(pl.when(pl.col("judge") == index).then(pl.col(f"days_{index}")) for index in range(len(rule.contexts)))
    )
    return rows.filter(days < USUAL_DAYS)


def off_known_networks(rows: pl.DataFrame, history: History, _places: pl.DataFrame, _rule: Rule) -> pl.DataFrame:
    """Leave out a network of the principal's own on two earlier days, wherever a database puts it today."""
    asked = rows.select(pl.col("principal").alias("context"), pl.col("network").alias("outcome"), "hour").unique()
    used = history.counts(NETWORKS, asked).filter(pl.col("days") >= USUAL_DAYS)
    return rows.join(
        used, left_on=["principal", "network", "hour"], right_on=["context", "outcome", "hour"], how="anti"
    )


def far_from_usual(rows: pl.DataFrame, history: History, places: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Leave out what is near a place usual in the context that judged."""
    kept = []
    located = places.select(
        pl.col("place").alias("outcome"),
        pl.col("source.geo.location.lat").alias("lat"),
        pl.col("source.geo.location.lon").alias("lon"),
        pl.col("source.geo.accuracy_km").alias("radius"),
    )
    for index, each in enumerate(rule.contexts):
        tally = each.tally("place")
        mine = rows.filter(pl.col("judge") == index).with_columns(tally.key.alias("context"))
        if mine.is_empty():
            continue
        usual = (
            history.outcomes(tally, mine.select("context", "hour").unique())
            .filter(pl.col("days") >= USUAL_DAYS)
            .join(located, on="outcome")
        )
        radius = pl.max_horizontal("source.geo.accuracy_km", "radius").fill_null(0).clip(NEAR_KM, ACCURACY_AT_MOST_KM)
        away = kilometres(
            pl.col("source.geo.location.lat"), pl.col("source.geo.location.lon"), pl.col("lat"), pl.col("lon")
        )
        near = mine.join(usual.select("context", "hour", "lat", "lon", "radius"), on=["context", "hour"]).filter(
            away <= radius
        )
        key = ["context", "hour", "place", "network"]
        kept.append(mine.join(near.select(key).unique(), on=key, how="anti").drop("context"))
    return pl.concat(kept) if kept else rows


def not_egress(rows: pl.DataFrame, history: History, places: pl.DataFrame, _rule: Rule) -> pl.DataFrame:
    """Leave out networks that people from elsewhere share, as listed or as seen: they say nothing of where one is."""
    shared = egress_networks(rows.select("network", "hour", "place").unique(), history, places)
    return rows.filter(pl.col("network.kind").ne_missing(EGRESS)).join(shared, on=["network", "hour"], how="anti")


USUAL = Exemption("it was there on two earlier days or more", not_usual)
OF_PLACES = (
    USUAL,
    Exemption(
        "the principal used this network on two earlier days or more", off_known_networks, needs_no_surprise=True
    ),
    Exemption("it is near a place where it was on two earlier days or more", far_from_usual),
    Exemption("the network is shared by people from elsewhere", not_egress),
)


def exemptions(rule: Rule) -> tuple[Exemption, ...]:
    """Return what may explain a surprise of this rule, in the order in which it is asked."""
    return OF_PLACES if rule.asks_where else (USUAL,)

"""Networks that say nothing about where a person is: a VPN's exit, a proxy, an office's shared uplink far away."""

import polars as pl

from prefect_cloudtrail.geo import kilometres
from prefect_cloudtrail.history import History, Tally

PEOPLE = 3
SHARE_FROM_ELSEWHERE = 0.4
ELSEWHERE_KM = 50

PEOPLE_ON = Tally(("network",), "person")
PLACES_OF = Tally(("person",), "place", own=True)
TALLIES = (PEOPLE_ON, PLACES_OF)


def egress_networks(asked: pl.DataFrame, history: History, places: pl.DataFrame) -> pl.DataFrame:
    """Return the asked networks that 3 or more people use, 40 % of whom have their usual place over 50 km away.

    Args:
        asked: network, place (may be null: then nobody is known to be far) and hour, distinct.
        history: who was where.
        places: PLACES.

    Returns:
        network and hour, distinct.
    """
    located = places.select(
        "place", pl.col("source.geo.location.lat").alias("lat"), pl.col("source.geo.location.lon").alias("lon")
    )
    people = history.outcomes(PEOPLE_ON, asked.select(pl.col("network").alias("context"), "hour").unique())
    people = people.filter(pl.len().over("context", "hour") >= PEOPLE)
    if people.is_empty():
        return asked.select("network", "hour").clear()
    homes = (
        history.outcomes(PLACES_OF, people.select(pl.col("outcome").alias("context"), "hour").unique())
        .sort("n", "outcome", descending=[True, False])
        .group_by("context", "hour", maintain_order=True)
        .first()
        .select(pl.col("context").alias("outcome"), "hour", pl.col("outcome").alias("home"))
        .join(located.rename({"place": "home", "lat": "home_lat", "lon": "home_lon"}), on="home")
    )
    here = asked.join(located, on="place").select(pl.col("network").alias("context"), "hour", "lat", "lon")
    far = kilometres(pl.col("lat"), pl.col("lon"), pl.col("home_lat"), pl.col("home_lon")) > ELSEWHERE_KM
    return (
        people.join(homes, on=["outcome", "hour"], how="left")
        .join(here, on=["context", "hour"])
        .group_by("context", "hour", "lat", "lon")
        .agg(far.fill_null(value=False).mean().alias("share"))
        .filter(pl.col("share") >= SHARE_FROM_ELSEWHERE)
        .select(pl.col("context").alias("network"), "hour")
        .unique()
    )

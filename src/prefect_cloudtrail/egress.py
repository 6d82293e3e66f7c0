"""Networks that say nothing about where a person is: a VPN's exit, a proxy, an office's shared uplink far away."""

import polars as pl

from prefect_cloudtrail.geo import kilometres
from prefect_cloudtrail.history import History, Tally

PEOPLE = 3
# Whoever was there once may be a thief, or a guest.
OFTEN_DAYS = 2
SHARE_FROM_ELSEWHERE = 0.4
ELSEWHERE_KM = 50
# Who goes through a far exit every day is at home about as often; so far, nobody commutes.
FAR_KM = 300
FAR_SHARE = 0.8

PEOPLE_ON = Tally(("network",), "person")
PLACES_OF = Tally(("person",), "place", own=True)
TALLIES = (PEOPLE_ON, PLACES_OF)


def egress_networks(asked: pl.DataFrame, history: History, places: pl.DataFrame) -> pl.DataFrame:
    """Return the asked networks that 3 or more people often use, 40 % of whom live over 50 km away.

    Often is on two earlier days. Somebody lives elsewhere who is there more often than here; or, over 300 km away, four
    fifths as often.

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
    people = people.filter(pl.col("days") >= OFTEN_DAYS).filter(pl.len().over("context", "hour") >= PEOPLE)
    if people.is_empty():
        return asked.select("network", "hour").clear()
    visits = (
        history.outcomes(PLACES_OF, people.select(pl.col("outcome").alias("context"), "hour").unique())
        .select(pl.col("context").alias("person"), "hour", "n", pl.col("outcome").alias("place"))
        .join(located, on="place")
        .select("person", "hour", "n", pl.col("lat").alias("their_lat"), pl.col("lon").alias("their_lon"))
    )
    here = asked.join(located, on="place").select(pl.col("network").alias("context"), "hour", "lat", "lon")
    away = kilometres(pl.col("lat"), pl.col("lon"), pl.col("their_lat"), pl.col("their_lon"))
    stays = pl.col("n").filter(pl.col("away") <= ELSEWHERE_KM).sum()
    lives = pl.col("n").filter(pl.col("away") > ELSEWHERE_KM).max().fill_null(0)
    lives_far = pl.col("n").filter(pl.col("away") > FAR_KM).max().fill_null(0)
    from_elsewhere = (lives > stays) | ((lives_far > 0) & (lives_far >= FAR_SHARE * stays))
    return (
        people.select("context", "hour", pl.col("outcome").alias("person"))
        .join(here, on=["context", "hour"])
        .join(visits, on=["person", "hour"], how="left")
        .with_columns(away.alias("away"))
        .group_by("context", "hour", "lat", "lon", "person")
        .agg(from_elsewhere.alias("from_elsewhere"))
        .group_by("context", "hour", "lat", "lon")
        .agg(pl.col("from_elsewhere").mean().alias("share"))
        .filter(pl.col("share") >= SHARE_FROM_ELSEWHERE)
        .select(pl.col("context").alias("network"), "hour")
        .unique()
    )

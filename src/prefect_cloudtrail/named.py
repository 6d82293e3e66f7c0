"""2 and 3: each event with its place and its principal."""

import polars as pl

from prefect_cloudtrail.geo import Geo, place
from prefect_cloudtrail.principal import name
from prefect_cloudtrail.schema import GEO


def named(events: pl.DataFrame, geo: Geo, callers: pl.Series | None = None) -> pl.DataFrame:
    """Return the events with GEO and WHO; a call that a service makes for somebody is nobody travelling.

    Args:
        events: EVENTS.
        geo: the open databases.
        callers: as `principal.name` takes them.
    """
    placed = name(place(events, geo), callers)
    served = pl.col("aws.cloudtrail.user_identity.invoked_by").is_not_null()
    return placed.with_columns(
        pl.when(~served).then(pl.col(column)).alias(column) for column in GEO if column != "source.ip"
    )

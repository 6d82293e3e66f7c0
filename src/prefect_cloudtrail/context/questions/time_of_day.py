"""Whether the person is usually awake and at work then."""

from datetime import datetime, timedelta

import polars as pl

from prefect_cloudtrail.context.asked import Answered, Asked, number

ORDER = 9
ASKS = "Is the time of day usual?"
PERMISSIONS = ()
DEGREES_AN_HOUR = 15


def answer(case: Asked) -> Answered:
    """Return on how many of its days it was active about this hour, and what time it was where the calls came from."""
    if case.is_machine:
        return Answered(("Not asked: it is automation, which keeps no hours.",))
    at = case.incident.first_event
    here = case.here.filter(pl.col("source.geo.location.lon").is_not_null())
    where = here["source.geo.location.lon"].first()
    local = f", about {_local(at, float(where)):%H:00} where it came from" if isinstance(where, float) else ""
    days = case.own["hour"].dt.date().n_unique()
    if not days:
        return Answered(
            (f"It began at {at:%H:%M} UTC{local}.",), (), "it has no history of hours", "90 days of presences"
        )
    hours = case.own.group_by(pl.col("hour").dt.hour().alias("utc_hour")).agg(
        pl.col("hour").dt.date().n_unique().alias("days")
    )
    around = [(at.hour + step) % 24 for step in (-1, 0, 1)]
    active = max(hours.filter(pl.col("utc_hour").is_in(around))["days"], default=0)
    said = f"It began at {at:%H:%M} UTC{local}; it was active about then on {active} of {number(days, 'day')}."
    return Answered((said,), tuple(hours.sort("utc_hour").to_dicts()))


def _local(at: datetime, longitude: float) -> datetime:
    """By the sun: no list of time zones says more of a place that is only known by its coordinates."""
    return at + timedelta(hours=round(longitude / DEGREES_AN_HOUR))

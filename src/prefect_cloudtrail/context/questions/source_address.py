"""Whether the principal is usually where the calls came from."""

from datetime import timedelta

import polars as pl

from prefect_cloudtrail.context.asked import MOST_ROWS, Answered, Asked, number, shown

ORDER = 6
ASKS = "Is the source address normal for this user?"
PERMISSIONS = ()
WITHIN = timedelta(days=30)


def answer(case: Asked) -> Answered:
    """Return each address's network against the networks, owners and cities of the 30 days before."""
    here = case.here.filter(pl.col("network").is_not_null())
    if here.is_empty():
        return Answered((), (), "none of its calls came from an address", "the event index")
    known = case.own.filter(pl.col("hour") >= case.incident.first_event - WITHIN, pl.col("network").is_not_null())
    day = pl.col("hour").dt.date().n_unique().alias("days")
    networks = known.group_by("network", "asn", "place").agg(day, pl.len().alias("presences"))
    rows = networks.sort("days", "network", descending=[True, False]).head(MOST_ROWS).to_dicts()
    sentences = []
    came = here.group_by("network").agg(
        pl.first("source.ip", "source.as.number", "source.as.organization.name", "place")
    )
    for row in (
        came.with_columns(pl.format("AS{}", "source.as.number").alias("asn")).sort("network").iter_rows(named=True)
    ):
        owner = f" ({shown(row['source.as.organization.name'], 40)})" if row["source.as.organization.name"] else ""
        counted = [
            f"its network on {_days(known, 'network', row['network'])}",
            f"its owner's networks on {_days(known, 'asn', row['asn'])}",
            f"its city on {_days(known, 'place', row['place'])}",
        ]
        sentences.append(f"{row['source.ip']}{owner}: {', '.join(counted)} of the last 30 days.")
    if known.is_empty():
        return Answered(tuple(sentences), (), "it has no history of addresses", "the presences of 30 days")
    total = networks["network"].n_unique()
    return Answered((*sentences, f"In these days it was on {number(total, 'network')}."), tuple(rows))


def _days(known: pl.DataFrame, column: str, value: str | None) -> int:
    return known.filter(pl.col(column) == value)["hour"].dt.date().n_unique() if value else 0

"""How surprising an outcome is in its context, with back-off to wider ones; and which surprises are none after all.

p_k+1(x) = 1 / max(M, K + 1)
p_i(x)   = (n_i(x) + k_i p_i+1(x)) / (N_i + k_i)      from the most general context to the most specific
surprise = -10 log10 p_0(x) decibans
"""

import json
from datetime import timedelta

import polars as pl

from prefect_cloudtrail.exemptions import exemptions
from prefect_cloudtrail.history import MESSAGE, QUARTER, History, Tally, coded, day, digested, plain
from prefect_cloudtrail.rule import POSSIBLE, Rule
from prefect_cloudtrail.schema import FINDING, PLACED, UTC_MICROSECONDS, Schema, empty

ACCOUNT_LEARNS = timedelta(days=7)
PRINCIPAL_LEARNS_DAYS = 3

ACCOUNTS = Tally(("account",), "account")
ORGANISATION = Tally((), "account")
ACTIVE_DAYS = Tally(("principal",), "principal")  # held back or not: being there is not a habit of place
TALLIES = (ACCOUNTS, ORGANISATION, ACTIVE_DAYS)
NO_ERROR = "none"

# A row is what the rules look at: one (principal, command, network, place, error) of one hour; and, of its principal,
# account and organisation, whether they are in their first days.
SIGHTINGS: Schema = {
    "principal": pl.String,
    "principal.kind": pl.String,
    "person": pl.String,
    "peers": pl.String,
    "account": pl.String,
    "service": pl.String,
    "command": pl.String,
    "network": pl.String,
    "place": pl.String,
    "country": pl.String,
    "asn": pl.String,
    "network.kind": pl.String,
    "error": pl.String,
    "message": pl.String,
    "quarter": pl.String,
    "hour": UTC_MICROSECONDS,
    "late": pl.Boolean,
    "window": UTC_MICROSECONDS,
    "source.geo.location.lat": pl.Float64,
    "source.geo.location.lon": pl.Float64,
    "source.geo.accuracy_km": pl.Float64,
}
LEARNS: Schema = {f"{who}_learns": pl.Boolean for who in ("principal", "account", "organisation")}
# PLACED columns that a sighting is made of, beside those of its name; of the last ones, the least.
OTHERWISE_NAMED = {
    "cloud.account.id": "account",
    "event.provider": "service",
    "source.geo.country_iso_code": "country",
    "aws.cloudtrail.error_code": "error",
}
GATHERED = ("window", "source.geo.location.lat", "source.geo.location.lon", "source.geo.accuracy_km")
# Nobody's credential: an AWS service is nowhere, and an anonymous caller has nothing to steal.
NOBODY = ("aws_service", "anonymous")


def sightings(placed: pl.DataFrame | pl.LazyFrame, history: History) -> pl.DataFrame:
    """Return SIGHTINGS and LEARNS of these PLACED events.

    Args:
        placed: PLACED, in any order, doubled or not; of a scan, a part at a time is read.
        history: what was known before.
    """
    asn = pl.col("source.as.number")
    same = [name for name in SIGHTINGS if name in PLACED]
    looked_at = (
        placed.lazy()
        .filter(~pl.col("principal.kind").is_in(NOBODY))
        .select(*same, *OTHERWISE_NAMED, asn, MESSAGE, QUARTER)
        .rename(OTHERWISE_NAMED)
    )
    distinct = coded(looked_at).group_by(pl.exclude(GATHERED)).agg(pl.col(GATHERED).min())
    rows = digested(plain(distinct).collect(engine="streaming")).with_columns(
        pl.when(asn.is_not_null()).then(pl.format("AS{}", asn)).alias("asn"),
        pl.col("error").fill_null(NO_ERROR),
    )
    return _learning(rows.select(list(SIGHTINGS)), history)


def _learning(rows: pl.DataFrame, history: History) -> pl.DataFrame:
    """The rows with whether their principal, account and organisation are in their first days."""

    def first_day(tally: Tally, name: str) -> pl.DataFrame:
        asked = rows.select(tally.key.alias("context"), "hour").unique()
        return history.outcomes(tally, asked).group_by("context", "hour").agg(pl.col("first_day").min().alias(name))

    principal = rows.select(pl.col("principal").alias("context"), pl.col("principal").alias("outcome"), "hour").unique()
    active = history.counts(ACTIVE_DAYS, principal).select(pl.col("context").alias("principal"), "hour", "days")
    known = (
        rows.join(active, on=["principal", "hour"], how="left")
        .join(first_day(ACCOUNTS, "a"), left_on=["account", "hour"], right_on=["context", "hour"], how="left")
        .join(first_day(ORGANISATION, "o").drop("context"), on="hour", how="left")
    )
    today = day("hour")
    return known.with_columns(
        (pl.col("days").fill_null(0) < PRINCIPAL_LEARNS_DAYS).alias("principal_learns"),
        (today - pl.col("a").fill_null(today) < ACCOUNT_LEARNS.days).alias("account_learns"),
        (today - pl.col("o").fill_null(today) < ACCOUNT_LEARNS.days).alias("organisation_learns"),
    ).drop("days", "a", "o")


def asked(rows: pl.DataFrame, history: History, rule: Rule, level: str) -> pl.DataFrame:
    """Return the rows that the rule asks about at this level.

    A place rule asks about addresses that no finer level places; the others about errors, and about commands that the
    principal never called.
    """
    if rule.asks_where:
        finer = rule.levels[: rule.levels.index(level)]
        absent = (pl.col(column).is_null() for column in finer)
        return rows.filter(pl.col("network").is_not_null(), pl.col(level).is_not_null(), *absent)
    if level == "error":
        return rows.filter(pl.col("error") != NO_ERROR)
    mine = rule.contexts[0].tally(level)
    pairs = rows.select(mine.key.alias("context"), pl.col(level).alias("outcome"), "hour").unique()
    return (
        rows.with_columns(mine.key.alias("context"))
        .join(
            history.known(mine, pairs),
            left_on=["context", level, "hour"],
            right_on=["context", "outcome", "hour"],
            how="anti",
        )
        .drop("context")
    )


def surprise(rows: pl.DataFrame, history: History, rule: Rule, level: str) -> pl.DataFrame:
    """Return the rows with how surprising the outcome in column `level` is.

    Args:
        rows: SIGHTINGS and LEARNS, none without the outcome.
        history: what was usual before.
        rule: contexts and their k.
        level: the column that the outcome stands in.

    Returns:
        The rows and `surprise` (decibans), `judge` (index of the most specific context that is past its first days),
        `n_i`, `total_i`, `days_i` of each context, and `seen`, the outcomes the organisation ever had. Rows that
        nobody may judge yet are left out.
    """
    last = len(rule.contexts) - 1
    judge = pl.lit(None, dtype=pl.Int32)
    for index, each in reversed(list(enumerate(rule.contexts))):
        tally = each.tally(level)
        keyed = rows.with_columns(tally.key.alias("context"), pl.col(level).alias("outcome"))
        asked = keyed.select("context", "outcome", "hour").drop_nulls().unique()
        counted = history.counts(tally, asked).rename(
            {"n": f"n_{index}", "total": f"total_{index}", "seen": f"seen_{index}", "days": f"days_{index}"}
        )
        rows = keyed.join(counted, on=["context", "outcome", "hour"], how="left").drop("context", "outcome")
        quiet = pl.any_horizontal(pl.col("organisation_learns"), *(pl.col(f"{who}_learns") for who in each.learns_with))
        judge = pl.when(~quiet).then(pl.lit(index, dtype=pl.Int32)).otherwise(judge)
        wider = (
            pl.col("p") if index < last else 1 / pl.max_horizontal(pl.lit(POSSIBLE[level]), pl.col(f"seen_{index}") + 1)
        )
        share = (pl.col(f"n_{index}") + each.k * wider) / (pl.col(f"total_{index}") + each.k)
        rows = rows.with_columns(pl.when(quiet | share.is_null()).then(wider).otherwise(share).alias("p"))
    return rows.with_columns(
        (-10 * pl.col("p").log10()).round(3).alias("surprise"),
        judge.alias("judge"),
        pl.col(f"seen_{last}").alias("seen"),
    ).filter(pl.col("judge").is_not_null())


def unusual(rows: pl.DataFrame, history: History, places: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Return FINDING of a rule: what is surprising, and no exemption explains.

    Args:
        rows: SIGHTINGS and LEARNS.
        history: what was usual before.
        places: PLACES.
        rule: what to ask.
    """
    early = [each for each in exemptions(rule) if each.needs_no_surprise]
    late = [each for each in exemptions(rule) if not each.needs_no_surprise]
    found = []
    for level in rule.levels:
        part = asked(rows, history, rule, level)
        if part.is_empty():
            continue
        # What explains nearly every row, and needs no surprise to be asked, is asked first.
        for exemption in early:
            part = exemption.left(part, history, places, rule)
        if part.is_empty():
            continue
        candidates = surprise(part, history, rule, level).filter(pl.col("surprise") >= rule.threshold_decibans)
        for exemption in late:
            candidates = exemption.left(candidates, history, places, rule)
        found.append(findings(candidates, rule, level))
    return pl.concat([empty(FINDING), *found])


def findings(rows: pl.DataFrame, rule: Rule, level: str) -> pl.DataFrame:
    """Return one FINDING a (principal, command, outcome, hour), whatever networks it came over."""
    top = len(rule.contexts)
    counts = pl.struct(*(f"{name}_{index}" for index in range(top) for name in ("n", "total", "days")), "seen", "judge")
    return (
        rows.with_columns(
            pl.lit(rule.name).alias("rule"),
            pl.col(level).alias("outcome"),
            pl.lit(level).alias("level"),
            counts.map_elements(lambda row: _explained(row, rule), return_dtype=pl.String).alias("counts"),
        )
        .group_by("rule", "principal", "person", "principal.kind", "account", "command", "outcome", "level", "hour")
        .agg(
            pl.col("window").min(),
            pl.col("late").min(),
            pl.col("surprise").max(),
            pl.col("counts").sort_by("surprise", "counts").last(),
        )
        .with_columns(score(rule))
        .select(list(FINDING))
    )


def score(rule: Rule) -> pl.Expr:
    """Return the score, 0 to 100, of rows with a `surprise`: 50 is the rule's own threshold."""
    return (50 + 0.625 * (pl.col("surprise") - rule.threshold_decibans)).clip(0, 100).round(1).alias("score")


def _explained(row: dict[str, float], rule: Rule) -> str:
    """The counts behind a surprise, each context from specific to general, as JSON."""
    contexts = [
        {
            "context": "+".join(each.columns) or "organisation",
            "n": round(row[f"n_{index}"] or 0, 3),
            "total": round(row[f"total_{index}"] or 0, 3),
            "days": row[f"days_{index}"] or 0,
            "k": each.k,
            "learning": index < row["judge"],
        }
        for index, each in enumerate(rule.contexts)
    ]
    return json.dumps({"contexts": contexts, "outcomes": row["seen"]})

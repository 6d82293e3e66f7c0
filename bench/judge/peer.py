"""The peer: the same arithmetic as plain SQL, in DuckDB, over the same Parquet files; every row judged, none exempted.

It is told which columns make a context, and each rule's k; how presences are counted, decayed and backed off is written
here once more, from the design, not called from ours.
"""

from pathlib import Path

import duckdb

from prefect_cloudtrail.detectors import rules
from prefect_cloudtrail.history import HOUR_OF_WEEK, UNITS, Tally
from prefect_cloudtrail.rule import POSSIBLE, Rule

SIGHTING = """
create table sightings as
select principal, "principal.kind" as kind, person, peers, "cloud.account.id" as account, "event.provider" as service,
    command, network, place, "source.geo.country_iso_code" as country, 'AS' || "source.as.number" as asn,
    coalesce("aws.cloudtrail.error_code", 'none') as error, hour
from read_parquet('{folder}/placed.parquet') where "principal.kind" not in ('aws_service', 'anonymous') group by all
"""
# What each outcome of a context weighed when each hour began, and on how many days it was there.
COUNTED = """
create temp table counted as
with hours as (select distinct hour from sightings),
older as (
    select context, outcome, weight, days from usual
    where tally = '{tally}'
    and last_day >= (select datediff('day', date '2020-01-01', min(hour)::date) from hours) - 90),
units as (
    select {context} as context, {outcome} as outcome, {unit}, date_trunc('day', hour) as day, min({visible}) as visible
    from learned where {context} is not null and {outcome} is not null group by all),
sums as (
    select hours.hour, context, outcome, weight, days from older, hours
    union all
    select hours.hour, context, outcome, sum(pow(2, datediff('day', date '2020-01-01', day::date) / 30.0)),
        count(distinct case when visible <= date_trunc('day', hours.hour) then day end)
    from units join hours on visible <= hours.hour group by all),
known as (select hour, context, outcome, sum(weight) as weight, sum(days) as days from sums group by all)
select *, sum(weight) over (partition by hour, context) as total, count(*) over (partition by hour, context) as seen
from known
"""
# Each (context, outcome, hour) asked, whether anybody knows it or not.
ASKED = """
create temp table answers as
with asked as (select distinct {context} as context, {outcome} as outcome, hour from judged),
contexts as (select distinct hour, context, total, seen from counted),
today as (select distinct hour, pow(2, datediff('day', date '2020-01-01', hour::date) / 30.0) as now from judged)
select asked.*, coalesce(weight, 0) / now as n, coalesce(contexts.total, 0) / now as total,
    coalesce(contexts.seen, 0) as seen
from asked join today using (hour)
left join counted using (context, outcome, hour) left join contexts using (hour, context)
"""
LEARNS = """
create table learning as
with hours as (select distinct hour from sightings),
first as (
    select account, min(day) as day, hour from (
        select context as account, date '2020-01-01' + first_day as day, hour from usual, hours
            where tally = 'account>account'
        union all
        select account, learned.hour::date, hours.hour from learned join hours on visible <= hours.hour)
    group by account, hour),
active as (
    select principal, hour, sum(days) as days from (
        select context as principal, days, hour from usual, hours where tally = 'principal>principal'
            and last_day >= datediff('day', date '2020-01-01', hour::date) - 90
        union all
        select principal, count(distinct learned.hour::date), hours.hour
            from learned join hours on visible <= date_trunc('day', hours.hour) group by all)
    group by principal, hour)
select s.*, coalesce(a.days, 0) < 3 as principal_learns,
    s.hour::date - coalesce(f.day, s.hour::date) < 7 as account_learns,
    s.hour::date - coalesce(o.day, s.hour::date) < 7 as organisation_learns
from sightings s left join active a using (principal, hour) left join first f using (account, hour)
left join (select hour, min(day) as day from first group by hour) o using (hour)
"""
KEY = ("principal", "account", "command", "network", "place", "country", "asn", "error", "hour")


def surprises(folder: Path, out: Path) -> None:
    """Write how surprising each sighting is to each rule that asks about it: rule, level, KEY, surprise in decibans.

    Args:
        folder: as `Judged.write` left it; nobody's presences are held back.
        out: the Parquet file.
    """
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        for name in ("usual", "learned"):
            database.execute(f"create view {name} as from read_parquet('{folder / name}.parquet')")
        database.execute(SIGHTING.format(folder=folder))
        database.execute(LEARNS)
        database.execute(f"create table found (rule text, level text, {_typed(KEY)}, surprise double)")
        for rule in rules().values():
            if rule.levels != (HOUR_OF_WEEK,):
                for level in rule.levels:
                    _judge(database, rule, level)
        database.execute(f"copy found to '{out}' (format parquet)")


def _judge(database: duckdb.DuckDBPyConnection, rule: Rule, level: str) -> None:
    database.execute(f"create or replace temp table judged as select * from learning s where {_asks(rule, level)}")
    last = len(rule.contexts) - 1
    for index, context in reversed(list(enumerate(rule.contexts))):
        tally = context.tally(level)
        columns = {"context": _context(tally), "outcome": level}
        unit = ", ".join(name for name in UNITS[tally.each])
        database.execute("drop table if exists counted; drop table if exists answers")
        database.execute(COUNTED.format(tally=tally.name, unit=unit, visible="visible", **columns))
        database.execute(ASKED.format(**columns))
        wider = "p" if index < last else f"1 / greatest({POSSIBLE[level]}, coalesce(a.seen, 0) + 1)"
        quiet = " or ".join(["organisation_learns", *(f"{who}_learns" for who in context.learns_with)])
        share = f"(a.n + {context.k} * {wider}) / (a.total + {context.k})"
        database.execute(
            f"create or replace temp table judged as select judged.* {'exclude (p)' if index < last else ''}, "
            f"case when {quiet} or a.n is null then {wider} else {share} end as p from judged left join answers a "
            f"on a.context = {_context(tally, 'judged.')} and a.outcome = judged.{level} and a.hour = judged.hour"
        )
    database.execute(
        f"insert into found select '{rule.name}', '{level}', {', '.join(KEY)}, round(-10 * log10(p), 3) from judged "
        "where not organisation_learns"
    )


def _asks(rule: Rule, level: str) -> str:
    """Which sightings a rule asks about at this level."""
    if rule.asks_where:
        finer = "".join(f" and {name} is null" for name in rule.levels[: rule.levels.index(level)])
        return f"network is not null and {level} is not null{finer}"
    if level == "error":
        return "error <> 'none'"
    tally = rule.contexts[0].tally(level)
    return (
        f"not exists (from learned l where l.principal = s.principal and l.{level} = s.{level} "
        f"and l.visible <= s.hour) "
        f"and not exists (from usual u where u.tally = '{tally.name}' and u.context = s.principal "
        f"and u.outcome = s.{level} and u.last_day >= datediff('day', date '2020-01-01', s.hour::date) - 90)"
    )


def _context(tally: Tally, of: str = "") -> str:
    return " || '|' || ".join(f"{of}{name}" for name in tally.context) or "''"


def _typed(columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {'timestamptz' if name == 'hour' else 'text'}" for name in columns)

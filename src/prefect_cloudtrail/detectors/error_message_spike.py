"""Error message spike: unusually many distinct error messages of one principal in a quarter of an hour."""

import json
from collections import defaultdict
from collections.abc import Hashable
from typing import Any

import polars as pl

from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.forecast import Forecast, forecast, surprise
from prefect_cloudtrail.history import History, day_of, plain
from prefect_cloudtrail.rarity import score
from prefect_cloudtrail.rule import CLOUD_ACCOUNTS, CLOUD_DISCOVERY, Context, Rule, context
from prefect_cloudtrail.schema import FINDING, empty

AT_LEAST = 2

RULE = Rule(
    name="error_message_spike",
    asks="Are there unusually many distinct error messages in this quarter of an hour?",
    outcome="messages",
    contexts=(context("principal", k=8), context("account", k=8)),
    threshold_decibans=25.8,
    severity=Severity.LOW,
    risk_score=21,
    techniques=(CLOUD_ACCOUNTS, CLOUD_DISCOVERY),
    source='Elastic, "Spike in AWS Error Messages", 78d3d8d9-b476-451d-a9e0-7a5addd70670',
)
WHO = ["principal", "account"]
WHEN = ["hour", "quarter"]


def find(sightings: pl.DataFrame, history: History, places: pl.DataFrame) -> pl.DataFrame:  # noqa: ARG001
    """Return the quarters in which a principal met more distinct error messages than was to be expected.

    Args:
        sightings: SIGHTINGS and LEARNS, in any order; may be empty.
        history: how many messages were usual before; and, of these quarters, which window brought each message.
        places: not asked.

    Returns:
        FINDING, one row per (principal, account, quarter), with the command that met most messages; `surprise` in
        decibans (0 and up), `score` 0 to 100.

    Source: RULE.source; MITRE ATT&CK T1078.004 Cloud Accounts, T1526 Cloud Service Discovery.
    """
    return spikes(sightings, history, RULE.threshold_decibans)


def spikes(sightings: pl.DataFrame, history: History, from_decibans: float) -> pl.DataFrame:
    """Return FINDING of the quarters with two messages or more that are as surprising as this.

    A principal in its first days is judged by its account: all its messages together, against the account's forecast.
    What counts is what had been delivered with a window; a quarter is found in the first that makes it surprising.
    """
    quarters = (
        sightings.filter(pl.col("message").is_not_null(), ~pl.col("account_learns"), ~pl.col("organisation_learns"))
        .group_by(*WHO, *WHEN, "person", "principal.kind", "principal_learns")
        .agg(pl.col("late").min())
        .sort(*WHO, *WHEN, "principal.kind")
    )
    met = plain(history.learned.filter(pl.col("message").is_not_null()))
    met = met.join(quarters, on=["account", *WHEN], how="semi")
    several = met.group_by(*WHO, *WHEN).agg(pl.col("message").n_unique()).filter(pl.col("message") >= AT_LEAST)
    quarters = quarters.join(several, on=[*WHO, *WHEN], how="semi", maintain_order="left")
    by_principal, by_account = _arrivals(met, [*WHO, *WHEN]), _arrivals(met, ["account", *WHEN])
    forecasts = {
        learns: _Forecasts(history, RULE.contexts[learns], quarters.filter(pl.col("principal_learns") == learns))
        for learns in (False, True)
    }
    found = []
    for row in quarters.iter_rows(named=True):
        mine = by_principal[tuple(row[name] for name in (*WHO, *WHEN))]
        judged = by_account[tuple(row[name] for name in ("account", *WHEN))] if row["principal_learns"] else mine
        expected = forecasts[row["principal_learns"]].of(row)
        for window, messages in _counted(judged):
            own = [each for each in mine if each[0] <= window]
            decibans = round(surprise(messages, expected), 3)
            if len({message for _, message, _ in own}) < AT_LEAST or decibans < from_decibans:
                continue
            counts = {
                "forecast": {
                    "context": RULE.contexts[row["principal_learns"]].columns[0],
                    "messages": messages,
                    "expected": round(expected.mean, 3),
                    "by": expected.by,
                }
            }
            found.append(
                row
                | {
                    "rule": RULE.name,
                    "command": _most(own),
                    "outcome": row["quarter"],
                    "level": "messages",
                    "window": window,
                    "surprise": decibans,
                    "counts": json.dumps(counts),
                }
            )
            break
    rows = pl.DataFrame(found, schema_overrides=FINDING) if found else empty(FINDING)
    return rows.with_columns(score(RULE)).select(list(FINDING))


Arrival = tuple[Any, Hashable, str]  # the window that brought a message, the message, its command


def _arrivals(met: pl.DataFrame, key: list[str]) -> dict[tuple[Any, ...], list[Arrival]]:
    """The messages of each key as they came, each command's once."""
    arrived: dict[tuple[Any, ...], list[Arrival]] = defaultdict(list)
    columns = [*key, "principal", "message", "command"]
    first = met.group_by(list(dict.fromkeys(columns))).agg(pl.col("window").min())
    for row in first.sort("window", "principal", "message", "command").iter_rows(named=True):
        arrived[tuple(row[name] for name in key)].append(
            (row["window"], (row["principal"], row["message"]), row["command"])
        )
    return arrived


def _counted(arrived: list[Arrival]) -> list[tuple[Any, int]]:
    """Each window with how many distinct messages had come by its end, in order."""
    windows = sorted({window for window, _, _ in arrived})
    return [(each, len({message for window, message, _ in arrived if window <= each})) for each in windows]


def _most(own: list[Arrival]) -> str:
    """The command that met most messages."""
    met: dict[str, set[Hashable]] = defaultdict(set)
    for _, message, command in own:
        met[command].add(message)
    return min(met, key=lambda command: (-len(met[command]), command))


class _Forecasts:
    """What one context expects of each quarter, looked up once for all."""

    def __init__(self, history: History, judge: Context, quarters: pl.DataFrame) -> None:
        self._column = judge.columns[0]
        asked = quarters.select(pl.col(self._column).alias("context"), "hour").unique()
        outcomes = history.outcomes(judge.tally(RULE.levels[0]), asked).group_by("context", "hour")
        found = outcomes.agg("outcome", "n", pl.col("first_day").min()).iter_rows()
        self._known: dict[tuple[Any, Any], tuple[dict[int, float], int]] = {
            (context, hour): (dict(zip(map(int, hours), n, strict=True)), since)
            for context, hour, hours, n, since in found
        }

    def of(self, row: dict[str, Any]) -> Forecast:
        """Return the forecast for the row's quarter, from what was counted since the first message."""
        hour = row["hour"]
        counted, since = self._known.get((row[self._column], hour), ({}, day_of(hour)))
        return forecast(counted, hour.weekday() * 24 + hour.hour, day_of(hour) - since)

"""Findings that passed their threshold, each stored once, with the events behind it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import polars as pl

from prefect_cloudtrail.cases import Alert
from prefect_cloudtrail.detectors import rules
from prefect_cloudtrail.history import with_messages

EVENTS_KEPT = 1_000
A_WINDOW = 100
A_PRINCIPAL = 10
# PLACED columns that tell which events raised an alert.
LOOKED_AT = (
    "@timestamp",
    "window",
    "hour",
    "event.id",
    "principal",
    "command",
    "cloud.account.id",
    "network",
    "place",
    "source.geo.country_iso_code",
    "source.as.number",
    "aws.cloudtrail.error_code",
    "aws.cloudtrail.error_message",
)
SPIKE = "messages"  # the level of an alert about all commands together
# Where an event has the outcome that an alert of this level is about; null where it has none.
HERE = pl.col("network").is_not_null()
OUTCOMES = {
    "place": pl.when(HERE).then(pl.col("place")),
    "country": pl.when(HERE).then(pl.col("source.geo.country_iso_code")),
    "asn": pl.when(HERE).then(pl.format("AS{}", "source.as.number")),
    "command": pl.col("command"),
    "error": pl.col("aws.cloudtrail.error_code"),
    "messages": pl.col("quarter"),
}


def identify(prefix: str, *parts: object) -> str:
    """Return an id that the same parts always give."""
    text = "\x1f".join(part.isoformat() if isinstance(part, datetime) else str(part) for part in parts)
    return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def alerts(found: pl.DataFrame, placed: pl.DataFrame | pl.LazyFrame) -> list[Alert]:
    """Return the findings as alerts that belong to no incident yet, in the order they are dealt with.

    Args:
        found: FINDING.
        placed: PLACED, the events they were found in.
    """
    declared = rules()
    raised = []
    for row in _with_events(found, placed).iter_rows(named=True):
        rule = declared[row["rule"]]
        key = (row["rule"], row["account"], row["principal"], row["command"], row["outcome"], row["hour"])
        raised.append(
            Alert(
                alert_id=identify("alr", *key),
                incident_id="",
                rule=rule.name,
                severity=rule.severity,
                risk_score=rule.risk_score,
                principal=row["principal"],
                principal_kind=row["principal.kind"],
                person=row["person"],
                account_id=row["account"] or "",
                command=row["command"],
                outcome=row["outcome"],
                level=row["level"],
                hour=row["hour"],
                raised_at=row["window"],
                surprise=row["surprise"],
                score=row["score"],
                counts=row["counts"],
                late=row["late"],
                over_limit=False,
                events=row["events"],
                event_ids=tuple(row["event_ids"]),
            )
        )
    return sorted(raised, key=order)


def order(alert: Alert) -> tuple[object, ...]:
    """Return what alerts are sorted by: of one window, what is about a place comes first, so that the rest joins it."""
    return alert.raised_at, not alert.says_where, alert.hour, -alert.surprise, alert.rule, alert.alert_id


def limit(raised: list[Alert], stored: set[str]) -> list[Alert]:
    """Return the alerts, those past 100 a window or 10 a principal marked; all are kept: noise hides nothing.

    Args:
        raised: alerts, in any order.
        stored: ids of those that an earlier window raised; they keep their mark and take nobody's place.
    """
    window: dict[datetime, int] = defaultdict(int)
    principal: dict[tuple[datetime, str], int] = defaultdict(int)
    over = set()
    for alert in sorted(raised, key=lambda a: (-a.surprise, a.alert_id)):
        if alert.alert_id in stored:
            continue
        who = (alert.raised_at, alert.principal)
        if window[alert.raised_at] >= A_WINDOW or principal[who] >= A_PRINCIPAL:
            over.add(alert.alert_id)
            continue
        window[alert.raised_at] += 1
        principal[who] += 1
    return [replace(alert, over_limit=alert.alert_id in over) for alert in raised]


def merge(stored: Alert, again: Alert) -> Alert:
    """Return the stored alert with the events of a later window; nothing else of it ever changes.

    But where no suppression covers those, none covers the alert.
    """
    kept = list(dict.fromkeys((*stored.event_ids, *again.event_ids)))
    return replace(
        stored,
        events=stored.events + again.events,
        event_ids=tuple(kept[:EVENTS_KEPT]),
        suppressed_by=stored.suppressed_by if again.suppressed_by else None,
    )


def event_ids(raised: Iterable[Alert]) -> list[str]:
    """Return the events that raised these alerts, each once, in order."""
    return list(dict.fromkeys(event for alert in raised for event in alert.event_ids))


def _with_events(found: pl.DataFrame, placed: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """The findings with the ids of their events, in the order they were delivered."""
    whose = pl.col("principal").is_in(found["principal"].unique().implode())
    theirs = with_messages(placed.lazy().filter(whose).select(LOOKED_AT).collect())
    parts = []
    for level, outcome in OUTCOMES.items():
        rows = found.filter(pl.col("level") == level).with_row_index("finding")
        events = theirs.select(
            "@timestamp",
            "window",
            "event.id",
            "principal",
            pl.col("cloud.account.id").alias("account"),
            "command",
            outcome.alias("outcome"),
            "hour",
        )
        key = ["principal", "account", "outcome", "hour", *(["command"] if level != SPIKE else [])]
        joined = rows.join(events, on=key, nulls_equal=True, suffix="_of_event")
        # What came before the window that made it a spike, an earlier run may have had.
        joined = joined.filter(pl.col("window_of_event") >= pl.col("window"))
        joined = joined.sort("window_of_event", "@timestamp", "event.id")
        ids = joined.group_by("finding").agg(
            pl.len().alias("events"), pl.col("event.id").head(EVENTS_KEPT).alias("event_ids")
        )
        parts.append(rows.join(ids, on="finding").drop("finding"))
    return pl.concat(parts)

"""Follows an incident's principal through the event index, and its credentials into what they were traded for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import Source
from prefect_cloudtrail.context.chains import TRADES, as_seen_elsewhere, sessions, time_of
from prefect_cloudtrail.context.making import made
from prefect_cloudtrail.context.records import MOST_OBJECTS, NAMED, Reader, oldest_first
from prefect_cloudtrail.context.traced import Made, Session, Trace
from prefect_cloudtrail.store import Store

__all__ = ["Made", "Session", "Trace", "trace"]

BEFORE = timedelta(hours=48)
USUAL_WITHIN = timedelta(days=30)
USUAL_DAYS = 2
IN_USE_WITHIN = timedelta(days=1)
# A role's session that assumes a role lasts an hour at most; who goes on for longer than this goes in circles.
MOST_HOPS = 10
# Commands that begin so change nothing; which of the others do, their records say.
READS = (
    *("BatchGet", "Check", "Decode", "Describe", "Detect", "Estimate", "Filter", "Get", "Head", "List", "Lookup"),
    *("Preview", "Query", "Scan", "Search", "Select", "Simulate", "Test", "Validate", "View"),
)


def trace(store: Store, source: Source, incident: Incident, *, most_objects: int = MOST_OBJECTS) -> Trace:
    """Return what the incident's principal did from 48 hours before it on, and what its credentials were traded for.

    Nothing but the event index, history, and the objects of the records that matter is read; an object that is gone or
    damaged, or one past the cap, is said in `incomplete`. What is missing is not asked of LookupEvents.

    Args:
        store: the case store.
        source: where the objects lie.
        incident: whose.
        most_objects: how many objects are read; the most suspicious calls' first.

    Raises:
        StateError: a file of the state is missing.
    """
    since = incident.first_event - BEFORE
    index = store.scan("index", since).filter(pl.col("@timestamp") >= since)
    people = sorted({incident.person} | {alert.person for alert in incident.alerts})
    reader = Reader(source, most_objects)
    calls, matter, found, is_whole = _followed(index, incident, people, reader)
    # Its own reads, too: which secret it was tells more than that one was read.
    reader.read(matter.filter(pl.col("theirs") | ~pl.col("command").str.contains(rf":({'|'.join(READS)})")))
    calls, matter = reader.named(calls), reader.named(matter)
    records = oldest_first(reader.found.values())
    usual = usual_networks(store, incident)
    return Trace(
        calls=calls,
        records=records,
        sessions=found,
        made=made(_meanwhile(records, incident, matter)),
        usual_networks=usual,
        usual_calls_at=_last_usual(calls, incident, usual),
        incomplete=_incomplete(reader, incident, calls, is_whole=is_whole),
    )


def theirs(incident: Incident, keys: frozenset[str] = frozenset()) -> pl.Expr:
    """Return whether an INDEX row is the incident's own: an alert's, from its addresses, or by a traded credential."""
    return (
        pl.col("event.id").is_in(_alerted(incident))
        | pl.col("source.ip").is_in([each.ip for each in incident.networks]).fill_null(value=False)
        | pl.col("aws.cloudtrail.user_identity.access_key_id").is_in(sorted(keys)).fill_null(value=False)
    )


def suspicious_first(calls: pl.DataFrame, incident: Incident, keys: frozenset[str]) -> pl.DataFrame:
    """Return the calls with `alert` and `theirs`: those of alerts first, then the incident's own, then the others."""
    return calls.with_columns(
        pl.col("event.id").is_in(_alerted(incident)).alias("alert"), theirs(incident, keys).alias("theirs")
    ).sort("alert", "theirs", "@timestamp", "event.id", descending=[True, True, False, False])


def usual_networks(store: Store, incident: Incident) -> tuple[str, ...]:
    """Return the networks the principal used on two days or more of the 30 before the incident, most days first.

    None of the incident's own, nor of those that are linked with it: an intruder may have been there before.
    """
    since = incident.first_event - USUAL_WITHIN
    known = (
        store.scan("presences", since)
        .filter(
            pl.col("principal") == incident.principal,
            pl.col("network").is_not_null(),
            pl.col("hour") >= since,
            # As known when the incident's first hour began.
            pl.col("visible") <= incident.first_event.replace(minute=0, second=0, microsecond=0),
        )
        .group_by("network")
        .agg(pl.col("hour").dt.date().n_unique().alias("days"), pl.col("hour").n_unique().alias("hours"))
        .filter(pl.col("days") >= USUAL_DAYS)
        .sort("days", "hours", "network", descending=[True, True, False])
        .collect()
    )
    addresses = [n.ip for each in (incident, *store.incidents(ids=incident.links)) for n in each.networks]
    own = store.scan("index", since).filter(pl.col("source.ip").is_in(addresses)).select("network").unique().collect()
    return tuple(known.filter(~pl.col("network").is_in(own["network"].drop_nulls().implode()))["network"])


def _followed(
    index: pl.LazyFrame, incident: Incident, people: list[str], reader: Reader
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[Session, ...], bool]:
    """The people's calls and those of whatever their credentials were traded for; whether all were followed."""
    names: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    hops = 0
    while True:
        calls = _calls(index, people, names, keys)
        matter = suspicious_first(calls, incident, keys)
        reader.read(matter.filter("alert"))
        reader.read(matter.filter(pl.col("command").is_in(TRADES), pl.col("event.outcome") == "success"))
        found = sessions(reader.found.values())
        followed = frozenset(each.access_key_id for each in found if each.access_key_id)
        named = as_seen_elsewhere(reader.found.values())
        is_whole = (followed, named) == (keys, names)
        if is_whole or hops == MOST_HOPS:
            return calls, matter, found, is_whole
        keys, names, hops = followed, named, hops + 1


def _calls(index: pl.LazyFrame, people: list[str], names: frozenset[str], keys: frozenset[str]) -> pl.DataFrame:
    chosen = (
        pl.col("person").is_in(people)
        | pl.col("principal").is_in(sorted(names))
        | pl.col("aws.cloudtrail.user_identity.access_key_id").is_in(sorted(keys)).fill_null(value=False)
    )
    return index.filter(chosen).with_columns(NAMED).sort("@timestamp", "event.id").collect()


def _alerted(incident: Incident) -> list[str]:
    return [event_id for alert in incident.alerts for event_id in alert.event_ids]


def _meanwhile(
    records: tuple[Mapping[str, Any], ...], incident: Incident, matter: pl.DataFrame
) -> list[Mapping[str, Any]]:
    """The records since the incident began, and the incident's own of before."""
    own = set(matter.filter("theirs")["event.id"])
    return [each for each in records if time_of(each) >= incident.first_event or each.get("eventID") in own]


def _last_usual(calls: pl.DataFrame, incident: Incident, usual: tuple[str, ...]) -> datetime | None:
    last = calls.filter(
        pl.col("principal") == incident.principal,
        pl.col("network").is_in(usual),
        pl.col("@timestamp") >= incident.last_event - IN_USE_WITHIN,
    )["@timestamp"].max()
    return last if isinstance(last, datetime) else None


def _incomplete(reader: Reader, incident: Incident, calls: pl.DataFrame, *, is_whole: bool) -> str | None:
    indexed = set(calls["event.id"])
    gone = sum(event_id not in indexed for event_id in set(_alerted(incident)))
    said = [reader.incomplete] if reader.incomplete else []
    if gone:
        said.append(f"{gone} of its alerts' events are not in the event index, which keeps 14 days.")
    if not is_whole:
        said.append(
            f"Its credentials were traded more than {MOST_HOPS} times in a row; those after that were not followed."
        )
    return " ".join(said) or None

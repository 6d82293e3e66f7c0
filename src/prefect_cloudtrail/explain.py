"""Why an event did or did not raise an alert: each rule, its counts, its surprise. The object is read again.

And of the incidents that it raised alerts of, every piece of evidence, whether it holds or not.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import polars as pl

from prefect_cloudtrail import arrivals, detectors, effects, rarity
from prefect_cloudtrail.alerts import event_ids
from prefect_cloudtrail.cases import Incident
from prefect_cloudtrail.cloudtrail import LogObject, Source, parse
from prefect_cloudtrail.cloudtrail.folder import delivered_at
from prefect_cloudtrail.detectors import error_message_spike
from prefect_cloudtrail.errors import SourceError
from prefect_cloudtrail.evidence import pieces
from prefect_cloudtrail.exemptions import exemptions
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.history import FORGOTTEN_AFTER_DAYS, History
from prefect_cloudtrail.named import named
from prefect_cloudtrail.replacing import Moves, moved
from prefect_cloudtrail.risk import WEIGHTS
from prefect_cloudtrail.rule import Rule
from prefect_cloudtrail.schema import USUAL, empty
from prefect_cloudtrail.seen import BITS, with_bits
from prefect_cloudtrail.store import Store

DELIVERED_WITHIN = timedelta(hours=6)
NOT_ASKED = {
    "nobody": "not asked: nobody's credential made the call",
    "place": "not asked: the address is no place",
    "command": "not asked: the principal called it before",
    "error": "not asked: the call met no error",
}


@dataclass(frozen=True)
class Judgement:
    """What one rule made of the event.

    `surprise` in decibans and `counts` (JSON, as a finding has them) are None where the rule did not look; `why` is the
    sentence that says what came of it.
    """

    rule: str
    outcome: str | None
    surprise: float | None
    threshold: float
    raised: bool
    why: str
    counts: dict[str, Any] | None


@dataclass(frozen=True)
class Reason:
    """A piece of evidence, and whether it holds in an incident: as it is stored, or without a sentence.

    Where it holds, `decibans` is what it weighed when the incident was rated.
    """

    name: str
    group: str
    decibans: float
    holds: bool
    counted: bool
    sentence: str | None


@dataclass(frozen=True)
class Rating:
    """An incident that the event raised an alert of: its risk, 0 to 1, and every piece, those that hold first."""

    incident_id: str
    risk: float
    evidence: tuple[Reason, ...]


@dataclass(frozen=True)
class Explanation:
    """An event, what it was, what each rule made of it, and how the incidents that it raised alerts of are rated."""

    event_id: str
    at: datetime
    principal: str
    command: str
    place: str | None
    network: str | None
    hour: datetime
    late: bool
    judgements: tuple[Judgement, ...]
    incidents: tuple[Rating, ...]


def explain(
    store: Store, source: Source, geo: Geo, event_id: str, *, look_back: timedelta, at: datetime | None = None
) -> Explanation:
    """Return why the event did or did not raise an alert, judged as it was: by what was known when its hour began.

    Args:
        store: the case store that the event was read into.
        source: where its object still is.
        geo: the geo databases.
        event_id: CloudTrail's eventID.
        look_back: as the runs had it.
        at: about when it happened, for an event that the 14 days of the event index do not hold any more.

    Raises:
        SourceError: the event is not found, or its object is gone.
    """
    events = _event(store, source, event_id, at)
    key = events["log.file.path"][0]
    placed = arrivals.dated(named(events, geo), [LogObject(key, 0, delivered_at(key))], None, look_back)
    row = placed.row(0, named=True)
    moves = None if store.geo_build() == geo.build else moved(store.scan("presences"), store.scan("index"), geo)
    incidents = store.incidents()
    known = _as_known(store, incidents, row["hour"], moves)
    places = store.places() if moves is None else moves.located(store.places())
    sightings = rarity.sightings(placed, known)
    return Explanation(
        event_id=event_id,
        at=row["@timestamp"],
        principal=row["principal"],
        command=row["command"],
        place=row["place"],
        network=row["network"],
        hour=row["hour"],
        late=row["late"],
        judgements=tuple(_judge(rule, sightings, known, places) for rule in detectors.rules().values()),
        incidents=tuple(rating(each) for each in incidents if event_id in event_ids(each.alerts)),
    )


def rating(incident: Incident) -> Rating:
    """Return how a stored incident is rated, with every piece of evidence.

    A cohort is rated by one piece alone; of the others nobody asked.
    """
    held = [Reason(e.name, e.group, e.decibans, True, e.counted, e.sentence) for e in incident.evidence]
    names = {each.name for each in held}
    others = pieces() if incident.kind == "principal" else {}
    rest = [
        Reason(name, piece.GROUP, WEIGHTS[name], False, False, None)
        for name, piece in others.items()
        if name not in names
    ]
    return Rating(incident.incident_id, incident.risk, (*held, *rest))


def _event(store: Store, source: Source, event_id: str, at: datetime | None) -> pl.DataFrame:
    """The event's EVENTS row, from its object."""
    raised = store.scan("index").filter(pl.col("event.id") == event_id).select("log.file.path").collect()
    at = at or _seen_at(store, event_id)
    keys = raised["log.file.path"].to_list() or [each.key for each in _about(source, at)]
    for key in keys:
        found = parse([(key, source.read(key))]).events.filter(pl.col("event.id") == event_id)
        if not found.is_empty():
            return found.head(1)
    where = (
        f"in {len(keys)} objects delivered after {at:%Y-%m-%d %H:%M}"
        if at
        else "among the look-back's, nor in an alert"
    )
    raise SourceError(
        f"event {event_id} is not {where}; pass --at with the time it happened, and --state with its state"
    )


def _seen_at(store: Store, event_id: str) -> datetime | None:
    """When it happened, where the look-back knows it."""
    bits = with_bits(pl.DataFrame({"key": [event_id]}), "key").drop("key")
    found = store.scan("seen").join(bits.lazy(), on=list(BITS), how="semi").select("@timestamp").collect()
    return None if found.is_empty() else cast("datetime", found.item(0, 0))


def _about(source: Source, at: datetime | None) -> Iterator[LogObject]:
    """The objects delivered in the hours after a moment."""
    if at is not None:
        until = at + DELIVERED_WITHIN
        yield from (each for each in source.list(at) if each.delivered and at <= each.delivered <= until)


def _as_known(store: Store, incidents: Sequence[Incident], hour: datetime, moves: Moves | None) -> History:
    """History as it was known when the hour began, from the 90 days of presences before, placed as `moves` says."""
    since = hour - timedelta(days=FORGOTTEN_AFTER_DAYS + 1)
    learned = store.scan("presences", since=since).filter(pl.col("hour") <= hour).collect()
    learned = learned if moves is None else moves.presences(learned)
    held = [(each.person, each.opened_at, each.incident_id) for each in incidents if each.holds_back]
    return History.of(empty(USUAL).lazy(), learned, effects.holds(held, store.feedback()))


def _judge(rule: Rule, sightings: pl.DataFrame, known: History, places: pl.DataFrame) -> Judgement:
    def said(why: str, *, raised: bool = False, row: dict[str, Any] | None = None) -> Judgement:
        surprise = row["surprise"] if row else None
        counts = json.loads(row["counts"]) if row else None
        outcome = row["outcome"] if row else None
        return Judgement(rule.name, outcome, surprise, rule.threshold_decibans, raised, why, counts)

    if rule == error_message_spike.RULE:
        return _judge_spike(said, sightings, known)
    asked = {level: rarity.asked(sightings, known, rule, level) for level in rule.levels}
    level = next((level for level, rows in asked.items() if not rows.is_empty()), None)
    if level is None:
        nobody = sightings.is_empty()
        return said(NOT_ASKED["nobody" if nobody else "place" if rule.asks_where else rule.outcome])
    judged = rarity.surprise(asked[level], known, rule, level)
    if judged.is_empty():
        return said("not judged: the organisation was in its first seven days")
    row = rarity.findings(judged, rule, level).row(0, named=True)
    if row["surprise"] < rule.threshold_decibans:
        return said(f"{row['outcome']} is not surprising enough", row=row)
    for exemption in exemptions(rule):
        if exemption.left(judged, known, places, rule).is_empty():
            return said(f"{row['outcome']} is surprising, but {exemption.why}", row=row)
    return said(f"{row['outcome']} is surprising: an alert", raised=True, row=row)


def _judge_spike(said: Callable[..., Judgement], sightings: pl.DataFrame, known: History) -> Judgement:
    if sightings.is_empty() or sightings["message"].null_count():
        return said(NOT_ASKED["nobody" if sightings.is_empty() else "error"])
    judged = error_message_spike.spikes(sightings, known, 0.0)
    if judged.is_empty():
        return said("not a spike: fewer than two distinct messages, or an account in its first seven days")
    found = error_message_spike.spikes(sightings, known, error_message_spike.RULE.threshold_decibans)
    if found.is_empty():
        return said("these messages are not surprising enough", row=judged.row(0, named=True))
    return said("these messages are surprising: an alert", raised=True, row=found.row(0, named=True))

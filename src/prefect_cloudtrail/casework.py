"""From alerts and the person's calls to what each window saw of an incident: its strands, and the facts behind them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

import polars as pl

from prefect_cloudtrail.alerts import order
from prefect_cloudtrail.cases import Alert, Network
from prefect_cloudtrail.egress import egress_networks
from prefect_cloudtrail.exemptions import EGRESS
from prefect_cloudtrail.facts import Question, cohort_size, facts, newcomers, settled
from prefect_cloudtrail.history import History, coded, plain
from prefect_cloudtrail.incidents import CohortOf, Draft, View, Whereabouts
from prefect_cloudtrail.networks import FOR_RENT
from prefect_cloudtrail.schema import UTC_MICROSECONDS, Schema
from prefect_cloudtrail.strand import Call, Facts, Strand

BEFORE = timedelta(hours=48)
# Where a call came from, as finely as its address could be placed.
WHERE = pl.coalesce("place", "source.geo.country_iso_code", pl.format("AS{}", "source.as.number"))
NOWHERE = ""


@dataclass(frozen=True)
class Hit:
    """One call that raised an alert."""

    rule: str
    hour: datetime
    first: datetime
    says_where: bool
    where: str  # NOWHERE without an address
    level: str
    network: str | None
    address: Network
    key: str | None
    peers: str
    principal: str
    place: str | None
    country: str | None


@dataclass(frozen=True)
class Side:
    """The calls that one place or its networks explain, and the others; what is asked of history about them."""

    where: str
    hits: list[Hit]  # of its alerts, never empty
    here: tuple[Call, ...]
    elsewhere: tuple[Call, ...]  # those with an address
    question: Question


@dataclass(frozen=True)
class Window:
    """One (incident, window) to be judged: alerts so far, the calls of each strand, and where all of them came from."""

    draft: Draft
    window: datetime
    alerts: tuple[Alert, ...]
    sides: list[Side]  # by where
    spots: set[tuple[str, str | None, str | None]]  # network, place, and what the network is

    @property
    def hour(self) -> datetime:
        """The hour in which the window ended, for what may still change: cohorts and egress."""
        return self.window.replace(minute=0)


def cohorts(found: Sequence[Alert], index: pl.DataFrame, history: History) -> CohortOf:
    """Return which network's cohort each alert belongs to: all its networks must have one, and none be a host's.

    Args:
        found: alerts.
        index: INDEX with their events.
        history: who was on which network.
    """
    ids = [(alert.alert_id, event) for alert in found for event in alert.event_ids]
    frame = pl.DataFrame(ids, schema={"alert": pl.String, "event.id": pl.String}, orient="row").join(
        index, on="event.id"
    )
    networks: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for alert, network, kind in frame.select("alert", "network", "network.kind").unique().iter_rows():
        if network:
            networks[alert].add((network, kind or ""))
    asked = [(network, alert.raised_at.replace(minute=0)) for alert in found for network, _ in networks[alert.alert_id]]
    people = newcomers(history, asked)

    def cohort_of(alert: Alert) -> str | None:
        mine = sorted(networks[alert.alert_id])
        hour = alert.raised_at.replace(minute=0)
        together = alert.says_where and all(
            cohort_size(people.get((network, hour), {}), alert.person) and kind not in FOR_RENT
            for network, kind in mine
        )
        return mine[0][0] if mine and together else None

    return cohort_of


def whereabouts(found: Sequence[Alert], index: pl.DataFrame, places: pl.DataFrame) -> Whereabouts:
    """Return where the events that raised these alerts came from: those of the first window, as later ones may follow.

    Args:
        found: alerts.
        index: INDEX with their events.
        places: PLACES.
    """
    ids = [(alert.alert_id, alert.raised_at, event) for alert in found for event in alert.event_ids]
    frame = pl.DataFrame(
        ids, schema={"alert": pl.String, "window": UTC_MICROSECONDS, "event.id": pl.String}, orient="row"
    ).join(index, on=["event.id", "window"])
    seen: dict[str, set[str]] = {alert.alert_id: set() for alert in found}
    for alert_id, place in frame.select("alert", WHERE.alias("where")).drop_nulls().unique().iter_rows():
        seen[alert_id].add(place)
    located = places.select("place", "source.geo.location.lat", "source.geo.location.lon").drop_nulls()
    return Whereabouts(
        {alert_id: frozenset(where) for alert_id, where in seen.items()},
        {place: (latitude, longitude) for place, latitude, longitude in located.iter_rows()},
    )


def views(
    drafts: Sequence[Draft],
    index: pl.DataFrame,
    new: pl.DataFrame,
    known: tuple[History, pl.DataFrame],
    not_before: datetime | None,
) -> dict[str, list[View]]:
    """Return what each window of this run saw of each incident it concerns, by incident, in order of window.

    Args:
        drafts: the incidents.
        index: INDEX of the people concerned, from 48 hours before the earliest opening on.
        new: INDEX of this run, whose windows are judged.
        known: what was usual before, and PLACES.
        not_before: windows that an earlier run has judged are judged again as of this one.
    """
    history, places = known
    moments = _moments(drafts, new, not_before)
    drafts = [draft for draft in drafts if moments[draft.incident_id]]
    theirs = _theirs(drafts, moments, index)
    hits, calls = _hits(drafts, theirs), _calls(theirs)
    judged = [
        window
        for draft in drafts
        for window in _windows(draft, moments[draft.incident_id], hits, calls[draft.incident_id])
    ]
    questions = list(dict.fromkeys(side.question for window in judged for side in window.sides))
    answers = dict(zip(questions, facts(history, places, questions), strict=True))
    asked = {(hit.network, w.hour) for w in judged for side in w.sides for hit in side.hits if hit.network}
    people = newcomers(history, list(asked))
    shared = _egress(judged, history, places)
    seen: dict[str, list[View]] = defaultdict(list)
    for window in judged:
        strands = {}
        for side in window.sides:
            users = [people.get((network, window.hour), {}) for network in {hit.network or "" for hit in side.hits}]
            cohort = min(cohort_size(each, window.draft.person) for each in users)
            settlers = min(settled(each, window.draft.person) for each in users)
            egress = shared.get(window.hour, frozenset())
            known_now = replace(answers[side.question], cohort=cohort, people_here=settlers, egress=egress)
            if side.here:
                strands[side.where] = _strand(window.draft, side, known_now)
        if strands:
            seen[window.draft.incident_id].append(_view(window, strands))
    return seen


def _moments(drafts: Sequence[Draft], new: pl.DataFrame, not_before: datetime | None) -> dict[str, list[datetime]]:
    """The windows of this run in which each incident's people called, from its opening to its close."""
    arrived: dict[str, set[datetime]] = defaultdict(set)
    for person, window in new.select("person", "window").unique().iter_rows():
        arrived[person].add(max(window, not_before) if not_before else window)
    found = {}
    for draft in drafts:
        moments = set().union(*(arrived[alert.person] for alert in draft.alerts.values()))
        if not draft.says_where:
            # What the person does next sheds light on a new place; on a new command only another alert does.
            moments &= {alert.raised_at for alert in draft.alerts.values()}
        found[draft.incident_id] = sorted(each for each in moments if draft.opened_at <= each <= draft.closes_at)
    return found


def _theirs(drafts: Sequence[Draft], moments: Mapping[str, list[datetime]], index: pl.DataFrame) -> pl.LazyFrame:
    """INDEX of each incident's people, from 48 hours before its opening to its last window; with the `incident`."""
    spans = {
        (draft.incident_id, alert.person, draft.opened_at - BEFORE, moments[draft.incident_id][-1])
        for draft in drafts
        for alert in draft.alerts.values()
    }
    schema: Schema = {
        "incident": pl.String,
        "person": pl.String,
        "since": UTC_MICROSECONDS,
        "until": UTC_MICROSECONDS,
    }
    return (
        index.lazy()
        .join(pl.LazyFrame(list(spans), schema=schema, orient="row"), on="person")
        .filter(pl.col("@timestamp") >= pl.col("since"), pl.col("window") <= pl.col("until"))
    )


def _windows(
    draft: Draft, moments: Sequence[datetime], hits: Mapping[str, list[Hit]], calls: Sequence[Call]
) -> list[Window]:
    """What each of these windows saw of the incident."""
    spots = {(call.window, (call.network, call.place, call.kind)) for call in calls if call.network}
    found = []
    for moment in moments:
        raised = tuple(alert for alert in draft.alerts.values() if alert.raised_at <= moment)
        by_where: dict[str, list[Hit]] = defaultdict(list)
        for alert in raised:
            for hit in hits.get(alert.alert_id, []):
                by_where[hit.where].append(hit)
        so_far = [call for call in calls if call.window <= moment]
        sides = [_side(draft, where, of, so_far) for where, of in sorted(by_where.items())]
        ordered = tuple(sorted(raised, key=order))
        found.append(Window(draft, moment, ordered, sides, {spot for window, spot in spots if window <= moment}))
    return found


def _hits(drafts: Sequence[Draft], theirs: pl.LazyFrame) -> dict[str, list[Hit]]:
    """Where each alert's events came from, each once."""
    alerts = {alert.alert_id: alert for draft in drafts for alert in draft.alerts.values()}
    ids = [
        (draft.incident_id, alert.alert_id, event)
        for draft in drafts
        for alert in draft.alerts.values()
        for event in alert.event_ids
    ]
    schema = {"incident": pl.String, "alert": pl.String, "event.id": pl.String}
    events = pl.LazyFrame(ids, schema=schema, orient="row")
    columns = ["alert", "where", "network", "source.ip", "source.as.number", "source.as.organization.name"]
    columns += [
        "aws.cloudtrail.user_identity.access_key_id",
        "peers",
        "principal",
        "place",
        "source.geo.country_iso_code",
    ]
    first = (
        theirs.join(events, on=["incident", "event.id"])
        .with_columns(WHERE.alias("where"))
        .group_by(columns)
        .agg(pl.col("@timestamp").min())
        .sort(columns)
        .collect()
    )
    found: dict[str, list[Hit]] = defaultdict(list)
    for alert_id, where, network, ip, asn, owner, key, peers, principal, place, country, at in first.iter_rows():
        alert = alerts[alert_id]
        if alert.says_where and not network:
            continue
        level = "place" if place else "country" if country else "asn"
        address = Network(ip, asn, owner)
        found_at = (where or network or NOWHERE, level, network, address)
        found[alert_id].append(
            Hit(alert.rule, alert.hour, at, alert.says_where, *found_at, key, peers, principal, place, country)
        )
    return found


def _calls(theirs: pl.LazyFrame) -> dict[str, list[Call]]:
    """Each incident's calls, like ones of a window in one row, in time order."""
    renamed = {
        "window": "window",
        "command": "command",
        "place": "place",
        "source.geo.country_iso_code": "country",
        "source.geo.location.lat": "latitude",
        "source.geo.location.lon": "longitude",
        "network": "network",
        "source.as.number": "asn",
        "source.as.organization.name": "organisation",
        "network.kind": "kind",
        "user_agent.name": "agent",
        "aws.cloudtrail.error_code": "error",
        "aws.cloudtrail.user_identity.access_key_id": "access_key_id",
        "aws.cloudtrail.user_identity.session_context.mfa_authenticated": "mfa",
        "principal": "principal",
        "cloud.account.id": "account",
    }
    counted = (
        coded(theirs.select("incident", "@timestamp", *renamed).rename(renamed))
        .group_by("incident", *renamed.values())
        .agg(
            pl.col("@timestamp").min().alias("first"),
            pl.col("@timestamp").max().alias("last"),
            pl.len().alias("events"),
        )
    )
    rows = (
        plain(counted)
        .sort(
            *("first", "last", "command", "network", "agent", "error", "access_key_id", "place", "kind", "mfa"),
            *("principal", "account"),
        )
        .select("incident", *(each.name for each in fields(Call)))
        .collect(engine="streaming")
    )
    found: dict[str, list[Call]] = defaultdict(list)
    for incident, *row in rows.iter_rows():
        found[incident].append(Call(*row))
    return found


def _side(draft: Draft, where: str, hits: list[Hit], calls: list[Call]) -> Side:
    """The calls from the place or its networks, or those without an address where that is none; and the others."""
    networks = {hit.network for hit in hits}

    def is_here(call: Call) -> bool:
        return call.network in networks or call.spot == where

    placed = [call for call in calls if call.network]
    if where == NOWHERE:
        here, elsewhere = tuple(call for call in calls if not call.network), tuple(placed)
    else:
        here = tuple(call for call in placed if is_here(call))
        elsewhere = tuple(call for call in placed if not is_here(call))
    hit = hits[0]
    about = [each.hour for each in hits if each.says_where] or [each.hour for each in hits]
    question = Question(
        principal=draft.principal if draft.kind == "principal" else hit.principal,
        person=draft.person if draft.kind == "principal" else hit.principal,
        peers=hit.peers,
        place=hit.place,
        country=hit.country,
        hour=min(about),
        commands=tuple(sorted({call.command for call in here})),
    )
    return Side(where, hits, here, elsewhere, question)


def _egress(judged: list[Window], history: History, places: pl.DataFrame) -> dict[datetime, frozenset[str]]:
    """The shared exits among the networks of these calls, as of each window's hour."""
    asked = {(network, w.hour, place) for w in judged for network, place, _ in w.spots if place}
    frame = pl.DataFrame(
        list(asked), schema={"network": pl.String, "hour": UTC_MICROSECONDS, "place": pl.String}, orient="row"
    )
    found: dict[datetime, set[str]] = defaultdict(set)
    for window in judged:
        found[window.hour] |= {network for network, _, kind in window.spots if kind == EGRESS}
    for network, hour in egress_networks(frame, history, places).iter_rows():
        found[hour].add(network)
    return {hour: frozenset(networks) for hour, networks in found.items()}


def _strand(draft: Draft, side: Side, known: Facts) -> Strand:
    return Strand(
        principal=draft.principal,
        principal_kind=draft.principal_kind,
        place=side.where,
        level=side.hits[0].level,
        here=side.here,
        elsewhere=side.elsewhere,
        facts=known,
        new_place=any(hit.says_where for hit in side.hits),
        other_rules=tuple(sorted({hit.rule for hit in side.hits if not hit.says_where})),
    )


def _view(window: Window, strands: Mapping[str, Strand]) -> View:
    """Where a place is new, that is what the incident shows; what else was unusual at home counts, and stays there."""
    shown = {strand.place for strand in strands.values() if strand.new_place} or set(strands)
    sides = [side for side in window.sides if side.where in shown]
    hits = [hit for side in sides for hit in side.hits]
    began = min(hit.first for hit in hits)
    calls = dict.fromkeys(call for side in sides for call in side.here if call.last >= began)
    return View(
        window=window.window,
        alerts=window.alerts,
        strands=tuple(strands.values()),
        calls=tuple(calls),
        addresses=tuple({hit.network: hit.address for hit in reversed(hits) if hit.network}.values())[::-1],
        keys=tuple(dict.fromkeys(hit.key for hit in hits if hit.key)),
    )


def first_needed(drafts: Sequence[Draft]) -> datetime | None:
    """Return the earliest moment of which these incidents need the calls, None without any."""
    return min((draft.opened_at for draft in drafts), default=None) and (
        min(draft.opened_at for draft in drafts) - BEFORE
    )

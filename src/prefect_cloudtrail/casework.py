"""From alerts and the person's calls to what each window saw of an incident: its strands, and the facts behind them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from prefect_cloudtrail.alerts import order
from prefect_cloudtrail.cases import Alert, Network
from prefect_cloudtrail.egress import egress_networks
from prefect_cloudtrail.exemptions import EGRESS
from prefect_cloudtrail.facts import Question, cohort_size, facts, newcomers, settled
from prefect_cloudtrail.history import History
from prefect_cloudtrail.incidents import CohortOf, Draft, View, Whereabouts
from prefect_cloudtrail.networks import FOR_RENT
from prefect_cloudtrail.schema import UTC_MICROSECONDS
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
class Window:
    """One (incident, window) to be judged: alerts so far, and the calls of each strand."""

    draft: Draft
    window: datetime
    alerts: tuple[Alert, ...]
    hits: dict[str, list[Hit]]  # by where
    calls: list[Call]

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
    judged = [window for draft in drafts for window in _windows(draft, index, new, not_before)]
    questions, keys = [], []
    for position, window in enumerate(judged):
        for where in sorted(window.hits):
            questions.append(_question(window, where))
            keys.append((position, where))
    answers = dict(zip(keys, _answered(history, places, questions), strict=True))
    hours = [(hit.network, w.hour) for w in judged for hits in w.hits.values() for hit in hits if hit.network]
    people = newcomers(history, hours)
    shared = _egress(judged, history, places)
    seen: dict[str, list[View]] = defaultdict(list)
    for position, window in enumerate(judged):
        strands = []
        for where, hits in sorted(window.hits.items()):
            users = [people.get((hit.network or "", window.hour), {}) for hit in hits]
            cohort = min(cohort_size(each, window.draft.person) for each in users)
            egress = shared.get(window.hour, frozenset())
            here = min(settled(each, window.draft.person) for each in users)
            known_now = replace(answers[position, where], cohort=cohort, people_here=here, egress=egress)
            strand = _strand(window, where, hits, known_now)
            if strand:
                strands.append(strand)
        if strands:
            seen[window.draft.incident_id].append(_view(window, strands))
    return seen


def _answered(history: History, places: pl.DataFrame, questions: list[Question]) -> list[Facts]:
    distinct = list(dict.fromkeys(questions))
    known = dict(zip(distinct, facts(history, places, distinct), strict=True))
    return [known[question] for question in questions]


def _windows(draft: Draft, index: pl.DataFrame, new: pl.DataFrame, not_before: datetime | None) -> list[Window]:
    """The windows of this run in which the incident's people called, from its opening to its close."""
    people = pl.col("person").is_in({alert.person for alert in draft.alerts.values()})
    arrived = new.filter(people)["window"].unique().sort().to_list()
    moments = sorted({max(window, not_before) if not_before else window for window in arrived})
    moments = [moment for moment in moments if draft.opened_at <= moment <= draft.closes_at]
    if not draft.says_where:
        # What the person does next sheds light on a new place; on a new command only another alert does.
        raised_at = {alert.raised_at for alert in draft.alerts.values()}
        moments = [moment for moment in moments if moment in raised_at]
    if not moments:
        return []
    mine = index.filter(people, pl.col("@timestamp") >= draft.opened_at - BEFORE, pl.col("window") <= moments[-1])
    hits = _hits(draft, mine)
    calls = _calls(mine)
    found = []
    for moment in moments:
        raised = tuple(alert for alert in draft.alerts.values() if alert.raised_at <= moment)
        by_where: dict[str, list[Hit]] = defaultdict(list)
        for alert in raised:
            for hit in hits.get(alert.alert_id, []):
                by_where[hit.where].append(hit)
        ordered = tuple(sorted(raised, key=order))
        found.append(Window(draft, moment, ordered, dict(by_where), [c for c in calls if c.window <= moment]))
    return found


def _hits(draft: Draft, mine: pl.DataFrame) -> dict[str, list[Hit]]:
    """Where each alert's events came from, each once."""
    ids = [(alert.alert_id, event) for alert in draft.alerts.values() for event in alert.event_ids]
    frame = pl.DataFrame(ids, schema={"alert": pl.String, "event.id": pl.String}, orient="row")
    rows = frame.join(mine, on="event.id").with_columns(WHERE.alias("where"))
    columns = ["alert", "where", "network", "source.ip", "source.as.number", "source.as.organization.name"]
    columns += [
        "aws.cloudtrail.user_identity.access_key_id",
        "peers",
        "principal",
        "place",
        "source.geo.country_iso_code",
    ]
    found: dict[str, list[Hit]] = defaultdict(list)
    first = rows.group_by(columns).agg(pl.col("@timestamp").min()).sort(columns)
    for alert_id, where, network, ip, asn, owner, key, peers, principal, place, country, at in first.iter_rows():
        alert = draft.alerts[alert_id]
        if alert.says_where and not network:
            continue
        level = "place" if place else "country" if country else "asn"
        address = Network(ip, asn, owner)
        found_at = (where or network or NOWHERE, level, network, address)
        found[alert_id].append(
            Hit(alert.rule, alert.hour, at, alert.says_where, *found_at, key, peers, principal, place, country)
        )
    return found


def _calls(mine: pl.DataFrame) -> list[Call]:
    """The person's calls, like ones of a window in one row, in time order."""
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
    rows = (
        mine.select("@timestamp", *renamed)
        .rename(renamed)
        .group_by(list(renamed.values()))
        .agg(
            pl.col("@timestamp").min().alias("first"),
            pl.col("@timestamp").max().alias("last"),
            pl.len().alias("events"),
        )
        .sort(
            *("first", "last", "command", "network", "agent", "error", "access_key_id", "place", "kind", "mfa"),
            *("principal", "account"),
        )
    )
    return [Call(**row) for row in rows.iter_rows(named=True)]


def _question(window: Window, where: str) -> Question:
    hits = window.hits[where]
    hit = hits[0]
    about = [each.hour for each in hits if each.says_where] or [each.hour for each in hits]
    commands = {call.command for call in _here(window, where, hits)}
    return Question(
        principal=window.draft.principal if window.draft.kind == "principal" else hit.principal,
        person=window.draft.person if window.draft.kind == "principal" else hit.principal,
        peers=hit.peers,
        place=hit.place,
        country=hit.country,
        hour=min(about),
        commands=tuple(sorted(commands)),
    )


def _here(window: Window, where: str, hits: list[Hit]) -> list[Call]:
    """The calls from the place or its networks; those without an address where that is none."""
    networks = {hit.network for hit in hits}
    if where == NOWHERE:
        return [call for call in window.calls if not call.network]
    return [call for call in window.calls if call.network and (_where(call) == where or call.network in networks)]


def _where(call: Call) -> str | None:
    return call.place or call.country or (f"AS{call.asn}" if call.asn is not None else None)


def _egress(judged: list[Window], history: History, places: pl.DataFrame) -> dict[datetime, frozenset[str]]:
    """The shared exits among the networks of these calls, as of each window's hour."""
    asked = {(call.network, w.hour, call.place) for w in judged for call in w.calls if call.network and call.place}
    frame = pl.DataFrame(
        list(asked), schema={"network": pl.String, "hour": UTC_MICROSECONDS, "place": pl.String}, orient="row"
    )
    found: dict[datetime, set[str]] = defaultdict(set)
    for window in judged:
        found[window.hour] |= {call.network for call in window.calls if call.network and call.kind == EGRESS}
    for network, hour in egress_networks(frame, history, places).iter_rows():
        found[hour].add(network)
    return {hour: frozenset(networks) for hour, networks in found.items()}


def _strand(window: Window, where: str, hits: list[Hit], known: Facts) -> Strand | None:
    here = _here(window, where, hits)
    if not here:
        return None
    those = set(here)
    return Strand(
        principal=window.draft.principal,
        principal_kind=window.draft.principal_kind,
        place=where,
        level=hits[0].level,
        here=tuple(here),
        elsewhere=tuple(call for call in window.calls if call.network and call not in those),
        facts=known,
        new_place=any(hit.says_where for hit in hits),
        other_rules=tuple(sorted({hit.rule for hit in hits if not hit.says_where})),
    )


def _view(window: Window, strands: list[Strand]) -> View:
    """Where a place is new, that is what the incident shows; what else was unusual at home counts, and stays there."""
    shown = [strand for strand in strands if strand.new_place] or strands
    hits = [hit for strand in shown for hit in window.hits[strand.place]]
    began = min(hit.first for hit in hits)
    calls: dict[Any, Call] = {call: call for strand in shown for call in strand.here if call.last >= began}
    return View(
        window=window.window,
        alerts=window.alerts,
        strands=tuple(strands),
        calls=tuple(calls),
        addresses=tuple({hit.network: hit.address for hit in reversed(hits) if hit.network}.values())[::-1],
        keys=tuple(dict.fromkeys(hit.key for hit in hits if hit.key)),
    )


def first_needed(drafts: Sequence[Draft]) -> datetime | None:
    """Return the earliest moment of which these incidents need the calls, None without any."""
    return min((draft.opened_at for draft in drafts), default=None) and (
        min(draft.opened_at for draft in drafts) - BEFORE
    )

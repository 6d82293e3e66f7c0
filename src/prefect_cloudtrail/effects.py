"""What people's entries do to a run: what history learns, which alerts are quiet, what speaks against, who is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl

from prefect_cloudtrail.alerts import OUTCOMES, SPIKE
from prefect_cloudtrail.arrivals import WINDOW
from prefect_cloudtrail.cases import Alert, Incident, Severity
from prefect_cloudtrail.feedback import (
    Answer,
    Entry,
    Feedback,
    PlannedWork,
    Subject,
    Suppression,
    TravelNotice,
    Verdict,
)
from prefect_cloudtrail.history import HELD_BACK, HOLDS, NEVER, Tally, fold, hold_back, whole_hour, with_messages
from prefect_cloudtrail.history import holds as plain_holds
from prefect_cloudtrail.incidents import Draft, View
from prefect_cloudtrail.risk import severity
from prefect_cloudtrail.strand import Call, Noted, Strand

# --- what history learns ----------------------------------------------------------------------------------------------


def holds(rows: Iterable[tuple[str, datetime, str]], feedback: Feedback) -> pl.DataFrame:
    """Return HOLDS of (person, when their incident opened, its id), which verdicts cut short or make last for good."""
    given = _by_incident(feedback.verdicts)
    judged, unjudged = [], []
    for person, opened, incident_id in rows:
        if incident_id in given:
            judged += [(person, *part) for part in _parts(opened, given[incident_id])]
        else:
            unjudged.append((person, opened))
    return pl.concat([plain_holds(unjudged), pl.DataFrame(judged, schema=HOLDS, orient="row")])


def fold_taught(
    usual: pl.DataFrame, learned: pl.DataFrame, tallies: Sequence[Tally], today: int, feedback: Feedback
) -> pl.DataFrame:
    """Return USUAL with these presences' whole days; what a compromised incident's person did is none of their habits.

    Args:
        usual: USUAL of earlier days.
        learned: PRESENCES of whole days that `usual` does not hold.
        tallies: every question that will be asked.
        today: days since 2020-01-01.
        feedback: the verdicts.
    """
    given = _by_incident(feedback.verdicts).values()
    rows = [(each[0].person, *part) for each in given for part in _parts(each[0].opened_at, each) if part[2] == NEVER]
    if not rows:
        return fold(usual, learned, tallies, today)
    taught = hold_back(learned, pl.DataFrame(rows, schema=HOLDS, orient="row")).filter(pl.col("own_visible") < NEVER)
    everything = fold(usual, learned, [tally for tally in tallies if not tally.own], today)
    return fold(everything, taught.select(learned.columns), [tally for tally in tallies if tally.own], today)


def _by_incident(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for each in verdicts:
        found.setdefault(each.incident_id, []).append(each)
    return found


def _parts(opened: datetime, verdicts: Sequence[Verdict]) -> list[tuple[datetime, datetime, datetime]]:
    """The stretches of an incident's 48 hours that are held back: from, until, and when that becomes visible.

    A verdict counts from the first hour that begins after it, and only while the incident is young: later, what was
    held back is known already.
    """
    begin = whole_hour(opened)
    end = begin + HELD_BACK
    held_from: datetime | None = begin
    released = end
    parts = []
    for each in verdicts:
        at = whole_hour(each.effective_at + timedelta.resolution)
        if at >= end:
            break
        if each.verdict is Answer.COMPROMISED:
            held_from, released = (at if held_from is None else held_from), NEVER
        elif held_from is not None:
            parts.append((held_from, at, at))
            held_from, released = None, end
    if held_from is not None:
        parts.append((held_from, end, released))
    return parts


# --- which alerts are quiet, and who is told --------------------------------------------------------------------------


def marked(raised: list[Alert], judged: pl.DataFrame, feedback: Feedback) -> list[Alert]:
    """Return the alerts, each with the suppression that covers all of its events.

    Args:
        raised: alerts of this run.
        judged: PLACED, the events they were found in.
        feedback: the suppressions.
    """
    entered = feedback.of(Suppression)
    if not entered:
        return raised
    return [replace(alert, suppressed_by=_suppressed_by(alert, judged, entered)) for alert in raised]


def _suppressed_by(alert: Alert, judged: pl.DataFrame, entered: Sequence[Suppression]) -> str | None:
    """The first of the suppressions that together cover every event, None where one event is left."""
    of_it = replace(_subject(alert), rule=alert.rule)
    possible = [each for each in entered if replace(each.scope, place=None, country=None, network=None).covers(of_it)]
    if not possible:
        return None
    found = []
    for moment, window, place, country, network in _events(alert, judged).iter_rows():
        where = replace(of_it, place=place, country=country, network=network)
        cover = next((each for each in possible if each.known_in(window) and each.covers(where, moment, moment)), None)
        if cover is None:
            return None
        found.append(cover.entry_id)
    return found[0] if found else None


def _events(alert: Alert, judged: pl.DataFrame) -> pl.DataFrame:
    columns = ["@timestamp", "window", "place", "source.geo.country_iso_code", "network"]
    theirs = judged.filter(
        pl.col("principal") == alert.principal,
        pl.col("cloud.account.id").fill_null("") == alert.account_id,
        pl.col("hour") == alert.hour,
        pl.col("window") >= alert.raised_at,
    )
    same_command = pl.lit(alert.level == SPIKE) | (pl.col("command") == alert.command)
    return (
        with_messages(theirs)
        .filter(OUTCOMES[alert.level] == alert.outcome, same_command)
        .select(columns)
        .unique()
        .sort("window", *columns)
    )


def _subject(alert: Alert) -> Subject:
    return Subject(alert.principal, alert.person, alert.account_id, alert.command, None, None, None)


def is_suppressed(incident: Incident) -> bool:
    """Return whether every alert of the incident is suppressed."""
    return all(alert.suppressed_by for alert in incident.alerts)


def to_tell(
    incidents: Sequence[Incident], before: Mapping[str, Incident], feedback: Feedback, tell_from: float
) -> list[tuple[str, int]]:
    """Return which (incident, revision) people must hear of.

    Args:
        incidents: as this run leaves them.
        before: those that were stored, as they were, by id.
        feedback: the verdicts.
        tell_from: the risk from which on an incident is told.
    """
    return [
        (each.incident_id, each.revision)
        for each in incidents
        if each.risk >= tell_from
        and _is_news(each, before.get(each.incident_id))
        and not is_suppressed(each)
        and not _is_expected(each, feedback.verdict(each.incident_id))
    ]


def _is_news(incident: Incident, before: Incident | None) -> bool:
    return before is None or before.revision != incident.revision or is_suppressed(before)


def _is_expected(incident: Incident, said: Verdict | None) -> bool:
    """Whether a person expected it, and it looks no worse now than it did then."""
    bands = list(Severity)
    return (
        said is not None
        and said.verdict is Answer.EXPECTED
        and bands.index(severity(incident.risk)) <= bands.index(severity(said.risk))
    )


# --- what speaks against ----------------------------------------------------------------------------------------------


def noted(drafts: Sequence[Draft], seen: Mapping[str, Sequence[View]], feedback: Feedback) -> dict[str, list[View]]:
    """Return the views, their strands with what people had entered about them when each window began.

    Args:
        drafts: the incidents.
        seen: what each window saw, by incident.
        feedback: planned work, travel notices and verdicts.
    """
    people = {draft.incident_id: draft.person for draft in drafts}

    def with_notes(view: View, incident_id: str) -> View:
        about = (people[incident_id], incident_id, view.window)
        return replace(view, strands=tuple(_with_notes(each, *about, feedback) for each in view.strands))

    return {incident_id: [with_notes(view, incident_id) for view in views] for incident_id, views in seen.items()}


def _with_notes(strand: Strand, person: str, incident_id: str, window: datetime, feedback: Feedback) -> Strand:
    work = [each for each in feedback.of(PlannedWork) if each.known_in(window) and _is_planned(each, strand, person)]
    trips = [each for each in feedback.of(TravelNotice) if each.known_in(window) and _is_trip(each, strand, person)]
    return replace(
        strand,
        facts=replace(
            strand.facts,
            planned_work=_note(work),
            travel_notice=_note(trips),
            expected_before=_expected_before(strand.place, person, incident_id, window, feedback.verdicts),
        ),
    )


def _note(found: Sequence[Entry | Verdict]) -> Noted | None:
    return Noted(found[0].by, found[0].why.rstrip(". ")) if found else None


def _is_planned(work: PlannedWork, strand: Strand, person: str) -> bool:
    """Whether all that is new here is planned, and nothing is at another time, place or by another principal."""
    anything = replace(work, scope=replace(work.scope, command=None))
    if not all(_covers(anything, call, strand, person) for call in strand.here):
        return False
    planned = [call for call in strand.here if _covers(work, call, strand, person)]
    new = [call for call in strand.here if call.command not in strand.facts.commands]
    return bool(planned) and set(new) <= set(planned)


def _is_trip(notice: TravelNotice, strand: Strand, person: str) -> bool:
    return all(_covers(notice, call, strand, person) for call in strand.here)


def _covers(found: Entry, call: Call, strand: Strand, person: str) -> bool:
    principal = call.principal or strand.principal
    subject = Subject(principal, person, call.account, call.command, call.place, call.country, call.network)
    return found.covers(subject, call.first, call.last)


def _expected_before(
    place: str, person: str, incident_id: str, window: datetime, verdicts: Sequence[Verdict]
) -> Noted | None:
    """The last verdict on the person's other incidents there, where each was called expected in the end."""
    known = [each for each in verdicts if each.effective_at <= window - WINDOW and each.incident_id != incident_id]
    last = {each.incident_id: each for each in known if each.person == person and place in each.places}
    found = sorted(last.values(), key=lambda each: each.effective_at, reverse=True)
    return _note(found) if all(each.verdict is Answer.EXPECTED for each in found) else None

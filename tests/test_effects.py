from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from entries import DAY, KYIV, a_verdict, an_entry
from frames import BERLIN, NOON, a_call, call, days, placed, strand, user
from store.case_builders import an_incident
from test_incidents import a_view, an_alert

from prefect_cloudtrail import effects, schema
from prefect_cloudtrail.alerts import merge
from prefect_cloudtrail.cases import Alert
from prefect_cloudtrail.feedback import Answer, Entry, Feedback, PlannedWork, Scope, Suppression, TravelNotice, Verdict
from prefect_cloudtrail.history import History, Tally, day_of, hold_back, midnight, presences
from prefect_cloudtrail.incidents import assign
from prefect_cloudtrail.strand import Call, Facts, Noted

HOUR = timedelta(hours=1)
MOVED = Noted("maria", "moved")
PLACES = Tally(("principal",), "place", own=True)
EVERYBODY = Tally((), "place")

# --- what history learns ----------------------------------------------------------------------------------------------


def known_from(visible_hours_later: float, *verdicts: Verdict) -> float | None:
    """Return how many hours after the opening somebody's own history sees what became visible; None for never."""
    held = effects.holds([("user ana", NOON, "inc_1")], Feedback(verdicts))
    learned = presences(placed([call("Kyiv", at=NOON)])).with_columns(
        pl.lit(NOON + visible_hours_later * HOUR).cast(schema.UTC_MICROSECONDS).alias("visible")
    )
    moment = hold_back(learned, held)["own_visible"].item()
    return None if moment.year == 9999 else (moment - NOON) / HOUR


def said(answer: Answer, hours: float) -> Verdict:
    return a_verdict(answer, effective_at=NOON + hours * HOUR)


EXPECTED, COMPROMISED = Answer.EXPECTED, Answer.COMPROMISED


@pytest.mark.parametrize(
    ("verdicts", "visible", "known"),
    [
        ([], 3, 48),
        ([], 49, 49),
        ([(EXPECTED, 4.5)], 3, 5),
        ([(EXPECTED, 5)], 3, 6),
        ([(EXPECTED, 4.5)], 6, 6),
        ([(EXPECTED, 60)], 3, 48),
        ([(COMPROMISED, 4.5)], 3, None),
        ([(COMPROMISED, 4.5)], 47, None),
        ([(COMPROMISED, 4.5)], 48, 48),
        ([(COMPROMISED, 60)], 3, 48),
        ([(COMPROMISED, 4.5), (EXPECTED, 5.5)], 3, 6),
        ([(EXPECTED, 3.5), (COMPROMISED, 5.5)], 3, 4),
        ([(EXPECTED, 3.5), (COMPROMISED, 5.5)], 5, 5),
        ([(EXPECTED, 3.5), (COMPROMISED, 5.5)], 7, None),
        ([(EXPECTED, 3.5), (COMPROMISED, 5.5), (EXPECTED, 8.5)], 7, 9),
    ],
)
def test_a_verdict_says_when_what_was_held_back_is_known(
    verdicts: list[tuple[Answer, float]], visible: float, known: float | None
) -> None:
    assert known_from(visible, *(said(*each) for each in verdicts)) == known


def test_a_verdict_on_another_incident_changes_nothing() -> None:
    assert known_from(3, replace(said(EXPECTED, 4), incident_id="inc_2")) == 48


def test_what_is_compromised_stays_so_under_a_later_hold() -> None:
    rows = [("user ana", NOON, "inc_1"), ("user ana", NOON + 47 * HOUR, "inc_2")]
    held = effects.holds(rows, Feedback((said(COMPROMISED, 1),)))
    learned = presences(placed([call("Kyiv", at=NOON + 46 * HOUR)]))
    assert hold_back(learned, held)["own_visible"].item().year == 9999


@pytest.mark.parametrize(("answer", "own"), [(EXPECTED, 3), (COMPROMISED, 0)])
def test_what_a_compromised_incident_taught_never_becomes_usual_for_the_person(answer: Answer, own: int) -> None:
    learned = presences(placed([call("Kyiv", at=NOON + minutes * timedelta(minutes=1)) for minutes in (0, 5, 9)]))
    stranger = presences(placed(days(3, "Kyiv", who="bo")))
    asked = pl.concat([learned, stranger])
    closed = day_of(NOON) + 4
    verdicts = Feedback((a_verdict(answer, effective_at=NOON + HOUR, opened_at=NOON - HOUR),))
    usual = effects.fold_taught(schema.empty(schema.USUAL), asked, [PLACES, EVERYBODY], closed, verdicts)
    history = History.of(usual.lazy(), presences(placed([])), effects.holds([], Feedback()))
    rows = [(user("ana"), KYIV, midnight(closed)), (user("bo"), KYIV, midnight(closed)), ("", KYIV, midnight(closed))]
    frame = pl.DataFrame(
        rows, schema={"context": pl.String, "outcome": pl.String, "hour": schema.UTC_MICROSECONDS}, orient="row"
    )

    def days_in(tally: Tally) -> dict[str, int]:
        return dict(history.counts(tally, frame).select("context", "days").iter_rows())

    assert days_in(PLACES)[user("ana")] == min(own, 1)
    assert days_in(PLACES)[user("bo")] == 3
    assert days_in(EVERYBODY)[""] == 4


# --- which alerts are quiet -------------------------------------------------------------------------------------------


def quieted(rows: Sequence[dict[str, Any]], *entries: Entry, **alert: Any) -> str | None:
    """Return which entry suppresses the alert that these calls raised at noon."""
    raised = an_alert(hour=NOON, raised_at=NOON + timedelta(minutes=15), command="ec2:DescribeInstances", **alert)
    (found,) = effects.marked([raised], placed(rows), Feedback(entries=entries))
    return found.suppressed_by


def test_an_alert_names_the_suppression_that_covers_it() -> None:
    about_kyiv = an_entry(Suppression)
    assert quieted([call("Kyiv")], about_kyiv) == about_kyiv.entry_id


@pytest.mark.parametrize(
    "other",
    [
        an_entry(Suppression, Scope(person="user bo")),
        an_entry(Suppression, Scope(person="user ana", country="PL")),
        an_entry(Suppression, Scope(person="user ana", rule="unusual_city_for_command")),
        an_entry(Suppression, effective_at=NOON + timedelta(seconds=1)),
        an_entry(Suppression, since=NOON + HOUR),
        an_entry(Suppression, until=NOON),
        an_entry(PlannedWork, Scope(person="user ana")),
    ],
    ids=["person", "country", "rule", "entered later", "begins later", "over", "no suppression"],
)
def test_no_other_entry_makes_an_alert_quiet(other: Entry) -> None:
    assert quieted([call("Kyiv")], other) is None


def test_one_event_that_is_not_covered_is_enough_to_hear_of_the_alert() -> None:
    at_home = an_entry(Suppression, Scope(person="user ana", network="50.0.5.0/24"))
    stranger = call("Kyiv", at=NOON + timedelta(minutes=40), network="60.0.0.0/24")
    assert quieted([call("Kyiv")], at_home) == at_home.entry_id
    assert quieted([call("Kyiv"), stranger], at_home) is None


def test_an_alert_that_a_later_window_adds_to_is_quiet_while_all_of_it_is() -> None:
    quiet, loud = an_alert(suppressed_by="sup_1"), an_alert(15, events=2)
    assert merge(quiet, quiet).suppressed_by == "sup_1"
    assert (merge(quiet, loud).suppressed_by, merge(loud, quiet).suppressed_by) == (None, None)


def test_a_country_alert_is_covered_by_the_city_its_calls_came_from() -> None:
    about_kyiv = an_entry(Suppression, Scope(person="user ana", place="Kyiv, UA"))
    assert quieted([call("Kyiv")], about_kyiv, outcome="UA", level="country") == about_kyiv.entry_id


# --- who is told ------------------------------------------------------------------------------------------------------


def alerts(*suppressed_by: str | None) -> tuple[Alert, ...]:
    return tuple(an_alert(number, suppressed_by=by) for number, by in enumerate(suppressed_by))


def told(risk: float, *verdicts: Verdict, quiet: tuple[str | None, ...] = (None,), before: Any = None) -> bool:
    incident = an_incident("inc_1", *alerts(*quiet), risk=risk, revision=2)
    stored = {"inc_1": an_incident("inc_1", *alerts(*before), revision=2)} if before else {}
    return bool(effects.to_tell([incident], stored, Feedback(verdicts), 0.2))


@pytest.mark.parametrize(
    ("risk", "verdicts", "expected"),
    [
        (0.19, [], False),
        (0.2, [], True),
        (0.59, [a_verdict(risk=0.5)], False),
        (0.6, [a_verdict(risk=0.5)], True),
        (0.94, [a_verdict(risk=0.7)], False),
        (0.95, [a_verdict(risk=0.7)], True),
        (0.5, [a_verdict(COMPROMISED, risk=0.5)], True),
        (0.5, [a_verdict(risk=0.5), a_verdict(COMPROMISED, risk=0.5)], True),
        (0.5, [a_verdict(incident_id="inc_2")], True),
    ],
)
def test_what_was_expected_is_told_again_only_in_a_higher_band(
    risk: float, verdicts: list[Verdict], expected: bool
) -> None:
    assert told(risk, *verdicts) is expected


@pytest.mark.parametrize(
    ("quiet", "before", "expected"),
    [
        (("sup_1", "sup_1"), None, False),
        (("sup_1", None), None, True),
        ((None,), (None,), False),
        ((None,), ("sup_1",), True),
    ],
    ids=["all quiet", "one is heard", "told before", "heard of only now"],
)
def test_an_incident_is_told_once_one_of_its_alerts_is_not_suppressed(
    quiet: tuple[str | None, ...], before: tuple[str | None, ...] | None, expected: bool
) -> None:
    assert told(0.5, quiet=quiet, before=before) is expected


# --- what speaks against ----------------------------------------------------------------------------------------------


def notes(calls: Sequence[Call], *entries: Entry, verdicts: Sequence[Verdict] = (), window: datetime = NOON) -> Facts:
    """Return the facts of ana's strand with what was entered."""
    drafts = assign([an_alert()], [], lambda _: None)
    seen = {drafts[0].incident_id: [a_view(an_alert(), window=window, strands=(strand(*calls),))]}
    ((view,),) = effects.noted(drafts, seen, Feedback(tuple(verdicts), entries)).values()
    return view.strands[0].facts


def test_a_strand_without_entries_stays_as_it_is() -> None:
    assert notes([a_call()]) == strand().facts
    assert strand().facts.usual == (BERLIN,)


@pytest.mark.parametrize(
    ("calls", "holds"),
    [
        ([a_call()], True),
        ([a_call(), a_call(minutes=300)], True),
        ([a_call(), a_call(minutes=60 * 24)], False),
        ([a_call(), a_call("Austin")], False),
        ([a_call("Austin")], False),
    ],
    ids=["there", "all day", "stayed on", "and elsewhere", "elsewhere"],
)
def test_a_travel_notice_covers_a_strand_when_it_covers_every_call(calls: list[Call], holds: bool) -> None:
    assert notes(calls, an_entry(TravelNotice)).travel_notice == (MOVED if holds else None)


@pytest.mark.parametrize(("effective_at", "holds"), [(NOON - timedelta(minutes=15), True), (NOON, False)])
def test_a_notice_counts_once_it_has_effect(effective_at: datetime, holds: bool) -> None:
    assert (notes([a_call()], an_entry(TravelNotice, effective_at=effective_at)).travel_notice == MOVED) is holds


@pytest.mark.parametrize(
    ("commands", "holds"),
    [
        (["ec2:RunInstances"], True),
        (["ec2:RunInstances", "ec2:DescribeInstances"], True),
        (["ec2:RunInstances", "iam:CreateAccessKey"], False),
        (["iam:CreateAccessKey"], False),
        (["ec2:DescribeInstances"], True),
    ],
    ids=["planned", "planned and usual", "planned and new", "new", "usual and planned"],
)
def test_planned_work_covers_a_strand_when_it_covers_all_that_is_new(commands: list[str], holds: bool) -> None:
    work = an_entry(PlannedWork, Scope(person="user ana", command="ec2:*"))
    calls = [a_call(minutes=number, command=command) for number, command in enumerate(commands)]
    assert notes(calls, work).planned_work == (MOVED if holds else None)


def test_planned_work_in_one_account_covers_no_call_in_another() -> None:
    work = an_entry(PlannedWork, Scope(account="111122223333", command="ec2:*"))
    assert notes([a_call(account="111122223333")], work).planned_work == MOVED
    assert notes([a_call(account="444455556666")], work).planned_work is None


def test_planned_work_of_one_principal_covers_no_other_of_the_person() -> None:
    work = an_entry(PlannedWork, Scope(principal=user("ana"), command="ec2:*"))
    assert notes([a_call(principal=user("ana"))], work).planned_work == MOVED
    assert notes([a_call(principal=user("ana", "444455556666"))], work).planned_work is None


def test_work_before_its_time_is_not_planned() -> None:
    work = an_entry(PlannedWork, Scope(person="user ana", command="ec2:*"), since=NOON + timedelta(minutes=5))
    assert notes([a_call(), a_call(minutes=10)], work).planned_work is None


@pytest.mark.parametrize(
    ("verdicts", "holds"),
    [
        ([a_verdict()], True),
        ([a_verdict(COMPROMISED)], False),
        ([a_verdict(person="user bo")], False),
        ([a_verdict(places=("Austin, TX, US",))], False),
        ([a_verdict(effective_at=NOON + DAY)], False),
        ([a_verdict(), a_verdict(COMPROMISED, incident_id="inc_2")], False),
        ([a_verdict(COMPROMISED), a_verdict()], True),
    ],
    ids=["expected", "compromised", "somebody else", "elsewhere", "later", "another was theft", "corrected"],
)
def test_a_place_was_expected_before_when_no_incident_there_was_theft(verdicts: list[Verdict], holds: bool) -> None:
    earlier = [replace(each, effective_at=each.effective_at - HOUR) for each in verdicts]
    assert notes([a_call()], verdicts=earlier).expected_before == (MOVED if holds else None)


def test_an_incidents_own_verdict_is_no_evidence() -> None:
    (draft,) = assign([an_alert()], [], lambda _: None)
    own = a_verdict(incident_id=draft.incident_id, effective_at=NOON - HOUR)
    assert notes([a_call()], verdicts=[own]).expected_before is None

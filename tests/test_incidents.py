from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from frames import NOON, a_call, strand, user

from prefect_cloudtrail.cases import Alert, Network, Severity
from prefect_cloudtrail.incidents import Draft, View, Whereabouts, assign, judge
from prefect_cloudtrail.strand import Strand


def an_alert(minutes: float = 0, *, who: str = "ana", command: str = "iam:CreateUser", **other: object) -> Alert:
    raised_at = NOON + timedelta(minutes=minutes)
    alert = Alert(
        alert_id=f"{who} {command} {raised_at:%d%H%M}",
        incident_id="",
        rule="unusual_city_for_principal",
        severity=Severity.MEDIUM,
        risk_score=47,
        principal=user(who),
        principal_kind="iam_user",
        person=f"user {who}",
        account_id="111122223333",
        command=command,
        outcome="Kyiv, 30, UA",
        level="place",
        hour=raised_at.replace(minute=0),
        raised_at=raised_at,
        surprise=30.0,
        score=56.0,
        counts="{}",
        late=False,
        over_limit=False,
        events=1,
        event_ids=(f"event {who} {command} {minutes}",),
    )
    return replace(alert, **other)  # type: ignore[arg-type]


def nobody(_: Alert) -> None:
    return None


def test_an_alert_opens_an_incident() -> None:
    (draft,) = assign([an_alert()], [], nobody)
    assert (draft.principal, draft.opened_at, draft.closes_at) == (user("ana"), NOON, NOON + timedelta(hours=48))
    assert [alert.incident_id for alert in draft.alerts.values()] == [draft.incident_id]


@pytest.mark.parametrize(("hours", "incidents"), [(47.75, 1), (48, 2)])
def test_an_incident_takes_its_persons_alerts_for_48_hours(hours: float, incidents: int) -> None:
    drafts = assign([an_alert(), an_alert(hours * 60)], [], nobody)
    assert len(drafts) == incidents


def test_a_later_incident_is_linked_to_the_earlier() -> None:
    first, second = assign([an_alert(), an_alert(50 * 60)], [], nobody)
    assert second.links == [first.incident_id]


WHERE = Whereabouts(
    located={"Kyiv, 30, UA": (50.45, 30.52), "Brovary, 32, UA": (50.51, 30.79), "Berlin, BE, DE": (52.52, 13.40)}
)


@pytest.mark.parametrize(
    ("outcome", "level", "incidents"),
    [("Brovary, 32, UA", "place", 1), ("UA", "country", 1), ("Berlin, BE, DE", "place", 2), ("DE", "country", 2)],
)
def test_a_trip_and_a_theft_of_one_person_are_two_incidents(outcome: str, level: str, incidents: int) -> None:
    drafts = assign([an_alert(), an_alert(15, outcome=outcome, level=level)], [], nobody, WHERE)
    assert len(drafts) == incidents
    assert drafts[-1].links == [draft.incident_id for draft in drafts[:-1]]


def a_command(minutes: float, *places: str) -> tuple[Alert, Whereabouts]:
    """Return an alert about a command, with where it was called from."""
    alert = an_alert(minutes, outcome="iam:CreateUser", level="command", rule="unusual_command_for_principal")
    return alert, Whereabouts(places={alert.alert_id: frozenset(places)}, located=WHERE.located)


@pytest.mark.parametrize(("places", "incidents"), [(("Brovary, 32, UA",), 1), ((), 1), (("Berlin, BE, DE",), 2)])
def test_a_new_command_joins_what_is_open_about_its_place(places: tuple[str, ...], incidents: int) -> None:
    alert, where = a_command(15, *places)
    assert len(assign([an_alert(), alert], [], nobody, where)) == incidents


def test_a_new_place_never_joins_what_is_open_about_a_command() -> None:
    alert, where = a_command(0, "Kyiv, 30, UA")
    drafts = assign([alert, an_alert(15)], [], nobody, where)
    assert [draft.says_where for draft in drafts] == [False, True]


def test_different_people_have_different_incidents() -> None:
    assert len(assign([an_alert(), an_alert(who="bo")], [], nobody)) == 2


def test_two_principals_of_one_person_share_an_incident() -> None:
    other = an_alert(15, principal=user("ana", "444455556666"))
    assert len(assign([an_alert(), other], [], nobody)) == 1


def test_the_same_alert_again_brings_only_its_events() -> None:
    again = an_alert(event_ids=("later",), raised_at=NOON + timedelta(minutes=15), surprise=99.0)
    (draft,) = assign([an_alert(), again], [], nobody)
    (alert,) = draft.alerts.values()
    assert (alert.events, alert.event_ids[-1], alert.surprise, alert.raised_at) == (2, "later", 30.0, NOON)


def test_the_id_depends_on_the_principal_and_the_first_alert_alone() -> None:
    alone, more = assign([an_alert()], [], nobody), assign([an_alert(), an_alert(15)], [], nobody)
    assert alone[0].incident_id == more[0].incident_id


def test_a_stored_incident_goes_on() -> None:
    stored = judge(assign([an_alert()], [], nobody)[0], [a_view(an_alert())])
    (draft,) = assign([an_alert(30)], [stored], nobody)
    assert draft.incident_id == stored.incident_id
    assert len(draft.alerts) == 2


def test_alerts_of_people_who_moved_together_fold_into_a_cohort() -> None:
    drafts = assign([an_alert(who="ana"), an_alert(15, who="bo")], [], lambda _: "50.0.5.0/24")
    assert [(draft.kind, draft.person, len(draft.alerts)) for draft in drafts] == [("cohort", "cohort:50.0.5.0/24", 2)]


def a_view(*alerts: Alert, window: datetime = NOON, strands: tuple[Strand, ...] = ()) -> View:
    chosen = strands or (strand(),)
    calls = tuple(call for each in chosen for call in each.here)
    return View(window, alerts, chosen, calls, (Network("50.0.5.7", 3320, "Example Broadband"),), ("AKIAEXAMPLE",))


def a_draft(*alerts: Alert) -> Draft:
    return assign(list(alerts), [], nobody)[0]


def test_an_incident_says_what_happened() -> None:
    calls = (a_call(), a_call(minutes=11, events=37))
    incident = judge(a_draft(an_alert()), [a_view(an_alert(), strands=(strand(*calls),))])
    assert incident.summary == "38 calls in 11 minutes from Kyiv, UA, 1 of them unusual."
    assert (incident.first_event, incident.last_event) == (NOON, NOON + timedelta(minutes=11))
    assert [place.city for place in incident.places] == ["Kyiv"]
    assert incident.access_key_ids == ("AKIAEXAMPLE",)


def test_an_innocent_trip_explains_no_theft_on_the_same_day() -> None:
    trip = strand(a_call("Austin"), a_call("Austin", 300))
    theft = strand(a_call(), elsewhere=[a_call("Berlin", -10), a_call("Berlin", 20)])
    alone = judge(a_draft(an_alert()), [a_view(an_alert(), strands=(theft,))])
    both = judge(a_draft(an_alert()), [a_view(an_alert(), strands=(trip, theft))])
    assert both.risk == alone.risk
    assert both.evidence == alone.evidence


def test_a_view_that_changes_what_is_said_is_a_revision() -> None:
    quiet, theft = strand(), strand(a_call(), elsewhere=[a_call("Berlin", -10)])
    draft = a_draft(an_alert())
    same = judge(draft, [a_view(an_alert(), strands=(quiet,))] * 3)
    changed = judge(draft, [a_view(an_alert(), strands=(quiet,)), a_view(an_alert(), strands=(theft,))])
    assert (same.revision, changed.revision) == (1, 2)


def test_the_highest_risk_is_remembered() -> None:
    theft, trip = strand(a_call(), elsewhere=[a_call("Berlin", -10)]), strand(a_call(), a_call(minutes=300))
    incident = judge(a_draft(an_alert()), [a_view(an_alert(), strands=(s,)) for s in (theft, trip)])
    assert incident.risk < incident.peak_risk


def test_each_new_height_of_the_risk_is_remembered() -> None:
    quiet, theft = strand(), strand(a_call(), elsewhere=[a_call("Berlin", -10)])
    views = [a_view(an_alert(), strands=(each,)) for each in (quiet, quiet, theft, quiet, theft)]
    at_first, incident = judge(a_draft(an_alert()), views[:1]), judge(a_draft(an_alert()), views)
    assert incident.rises == (at_first.risk, incident.peak_risk)


def test_a_cohort_is_low_whatever_its_alerts() -> None:
    (draft,) = assign([an_alert()], [], lambda _: "50.0.5.0/24")
    incident = judge(draft, [a_view(an_alert())])
    assert (incident.severity, incident.summary) == (Severity.LOW, "1 principal moved to Kyiv, UA.")
    assert incident.risk < 0.01

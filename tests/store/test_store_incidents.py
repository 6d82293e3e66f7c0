"""Incidents, their alerts and revisions, and what people must hear of."""

from dataclasses import replace

import pytest
from store.case_builders import HOUR, NOW, a_change, an_alert, an_incident, commit

from prefect_cloudtrail.cases import Severity
from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store import OutboxRow, Store

# Nothing here asks where the files are.
pytestmark = pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)


def test_incidents_come_oldest_first_and_by_what_is_asked(store: Store) -> None:
    first = an_incident("b", an_alert("1", "b"), opened_at=NOW - HOUR, closes_at=NOW)
    second, third = an_incident("c", an_alert("2", "c")), an_incident("d")
    commit(store, a_change(incidents=[third, second, first]))
    assert store.incidents() == [first, second, third]
    assert store.incidents(open_at=NOW) == [second, third]
    assert store.incidents(ids=["d", "b", "b", "unknown"]) == [first, third]
    assert store.incidents(ids=[]) == []
    assert store.incidents(open_at=NOW, ids=["b", "d"]) == [third]


def test_many_ids_are_no_limit(store: Store) -> None:
    incidents = [an_incident(f"{number:04}", an_alert(f"{number}", f"{number:04}")) for number in range(1_500)]
    commit(store, a_change(incidents=incidents))
    assert store.incidents(ids=[incident.incident_id for incident in incidents]) == incidents


def test_an_incident_grows_and_its_revisions_stay(store: Store) -> None:
    opened = an_incident("incident-1", an_alert())
    grown = replace(
        opened, revision=2, risk=0.97, severity=Severity.CRITICAL, alerts=(an_alert("alert-0"), an_alert(events=3))
    )
    commit(store, a_change("run-1", incidents=[opened]), a_change("run-2", incidents=[grown]))
    assert store.incidents() == [grown]
    assert store.revisions("incident-1") == [replace(opened, alerts=()), replace(grown, alerts=())]


def test_a_revision_is_never_rewritten(store: Store) -> None:
    shown = an_incident(summary="as it was shown")
    commit(store, a_change("run-1", incidents=[shown]), a_change("run-2", incidents=[an_incident(summary="later")]))
    assert store.incidents()[0].summary == "later"
    assert store.revisions("incident-1") == [shown]


def test_a_stored_score_never_changes(store: Store) -> None:
    commit(store, a_change("run-1", incidents=[an_incident("incident-1", an_alert(score=55.9, surprise=35.2))]))
    changed = an_alert(score=1.0, surprise=2.0, raised_at=NOW + HOUR, events=7, late=True)
    commit(store, a_change("run-2", incidents=[an_incident("incident-1", changed)]))
    assert store.incidents()[0].alerts == (an_alert(score=55.9, surprise=35.2, events=7, late=True),)


@pytest.mark.parametrize("later", [("e1", "e2", "e3"), ("e0", "e1", "e2"), ("e2",), ("e1",), ("e1", "e2", "e2"), ()])
def test_the_event_ids_of_an_alert_are_those_given_last(store: Store, later: tuple[str, ...]) -> None:
    before, after = an_alert(event_ids=("e1", "e2")), an_alert(event_ids=later)
    commit(store, a_change("run-1", incidents=[an_incident("incident-1", before)]))
    commit(store, a_change("run-2", incidents=[an_incident("incident-1", after)]))
    assert store.incidents()[0].alerts[0].event_ids == later


def test_an_alert_that_joins_another_incident_is_there_only(store: Store) -> None:
    commit(store, a_change("run-1", incidents=[an_incident("a", an_alert("1", "a"))]))
    commit(store, a_change("run-2", incidents=[an_incident("b", an_alert("1", "b"))]))
    assert [len(incident.alerts) for incident in store.incidents()] == [0, 1]


def test_what_is_marked_is_told_once(store: Store) -> None:
    incidents = [an_incident("a"), an_incident("b"), an_incident("a", revision=2)]
    commit(store, a_change("run-1", incidents=incidents, tell=[("b", 1), ("a", 2), ("a", 1)]))
    assert store.to_tell() == [("a", 1), ("a", 2), ("b", 1)]
    assert [store.mark_told_started("a", 2, NOW) for _ in range(2)] == [True, False]
    assert not store.mark_told_started("unknown", 1, NOW)
    commit(store, a_change("run-2", incidents=incidents, tell=[("a", 2)]))
    assert store.to_tell() == [("a", 1), ("b", 1)]


def test_a_message_is_written_once_and_pending_until_confirmed(store: Store) -> None:
    commit(store, a_change(incidents=[an_incident("a"), an_incident("b")]))
    first = store.outbox_write("a", 1, "slack:C1", "body", NOW)
    second = store.outbox_write("b", 1, "slack:C1", "other", NOW + HOUR)
    assert store.outbox_write("a", 1, "slack:C1", "another body", NOW + HOUR) == first
    assert store.outbox_pending("a") == [OutboxRow(first, "a", 1, "slack:C1", "body", NOW, None)]
    assert [row.outbox_id for row in store.outbox_pending()] == [first, second]
    for _ in range(2):
        store.outbox_confirm(first, NOW + HOUR)
    assert [row.outbox_id for row in store.outbox_pending()] == [second]
    assert store.outbox_write("a", 1, "slack:C1", "body", NOW) == first


def test_an_unknown_message_cannot_be_confirmed(store: Store) -> None:
    with pytest.raises(StateError, match="no message nothing"):
        store.outbox_confirm("nothing", NOW)


def test_a_message_needs_an_incident(store: Store) -> None:
    with pytest.raises(StateError, match="refuses what it was given"):
        store.outbox_write("unknown", 1, "slack:C1", "body", NOW)

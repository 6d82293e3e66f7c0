"""What people enter: added, ended, never changed; and a state of before that could be entered."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from entries import DAY, an_entry
from frames import NOON
from store.backends import Backend, assert_tables_are_those_of_the_program
from store.case_builders import NOW, a_change, an_alert, an_incident, commit

from prefect_cloudtrail.errors import FeedbackError, StateError
from prefect_cloudtrail.feedback import Answer, End, Feedback, PlannedWork, Scope, Suppression, TravelNotice
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.database import migrations
from prefect_cloudtrail.store.feedback import of_another
from prefect_cloudtrail.store.tables import INCIDENTS

pytestmark = pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
# What no test here looks at.
ANY = {"revision": 1, "kind": "", "principal": "", "person": "", "account_id": "", "risk": 0.5, "severity": ""} | {
    "status": "open",
    "document": "{}",
    "opened_at": NOW,
    "closes_at": NOW,
}
SUPPRESSION = an_entry(Suppression)
WORK = an_entry(PlannedWork, Scope(account="111122223333", command="ec2:*"), who="bo")
TRIP = an_entry(TravelNotice, effective_at=NOON)


def add(store: Store, *entries: Suppression | PlannedWork | TravelNotice) -> None:
    for each in entries:
        add_one(store, each)


def add_one(store: Store, entry: Suppression | PlannedWork | TravelNotice) -> None:
    store.add_entries(lambda effective: [replace(entry, effective_at=effective)], entry.effective_at)


def judge(store: Store, answer: Answer = Answer.EXPECTED, **other: object) -> None:
    given = {"by": "maria", "why": "asked", "at": NOON}
    store.add_verdict("incident-1", answer, **(given | other))  # type: ignore[arg-type]


def test_entries_are_read_as_they_were_entered_in_the_order_of_their_effect(store: Store) -> None:
    add(store, TRIP, WORK, SUPPRESSION)
    assert store.feedback() == Feedback(entries=(WORK, SUPPRESSION, TRIP))


def test_an_ended_entry_stays_with_its_end(store: Store) -> None:
    add(store, SUPPRESSION)
    ended = store.end_entry(SUPPRESSION.entry_id, by="bo", why="over", at=NOON)
    assert ended == replace(SUPPRESSION, end=End("bo", "over", NOON))
    assert store.feedback().entries == (ended,)
    with pytest.raises(FeedbackError, match="was ended before, by bo"):
        store.end_entry(SUPPRESSION.entry_id, by="bo", why="over", at=NOON)


def test_what_is_not_there_cannot_be_ended(store: Store) -> None:
    with pytest.raises(FeedbackError, match="no entry nothing here"):
        store.end_entry("nothing", by="bo", why="over", at=NOON)


def test_what_counts_already_is_not_added_again_until_it_is_ended(store: Store) -> None:
    add(store, SUPPRESSION)
    assert store.add_entries(lambda _: [replace(SUPPRESSION, why="another")], NOON) == []
    store.end_entry(SUPPRESSION.entry_id, by="bo", why="over", at=NOON)
    again = an_entry(Suppression, effective_at=NOON)
    assert store.add_entries(lambda _: [again], NOON) == [again]


def test_one_entry_that_is_refused_leaves_none(store: Store) -> None:
    def refused(_: object) -> list[Suppression]:
        return [SUPPRESSION, an_entry(Suppression, why="")]

    with pytest.raises(FeedbackError, match="needs a reason"):
        store.add_entries(refused, NOON)
    assert store.feedback() == Feedback()


def test_nothing_counts_for_what_runs_have_judged(store: Store) -> None:
    commit(store, a_change(incidents=[an_incident("incident-1", an_alert())]))
    judge(store, at=NOW)
    judge(store, at=NOW + DAY)
    add(store, replace(TRIP, effective_at=NOW - DAY))
    store.end_entry(TRIP.entry_id, by="bo", why="over", at=NOW - DAY)
    feedback = store.feedback()
    assert [each.effective_at for each in feedback.verdicts] == [NOW, NOW + DAY]
    (trip,) = feedback.entries
    assert trip.end
    assert (trip.effective_at, trip.end.effective_at) == (NOW, NOW)


def test_the_last_verdict_is_the_status_of_an_incident(store: Store) -> None:
    commit(store, a_change(incidents=[an_incident("incident-1", an_alert()), an_incident("incident-2")]))
    judge(store, at=NOW + DAY)
    judge(store, Answer.COMPROMISED, at=NOW + DAY)
    assert [each.status for each in store.incidents()] == ["compromised", "open"]
    assert [each.status for each in store.incidents(ids=["incident-1"])] == ["compromised"]
    assert [each.verdict for each in store.feedback().verdicts] == [Answer.EXPECTED, Answer.COMPROMISED]


def test_an_incident_that_is_not_there_cannot_be_judged(store: Store) -> None:
    with pytest.raises(FeedbackError, match="no incident incident-1 here"):
        judge(store)


def test_an_alert_says_which_suppression_covers_it_until_none_does(store: Store) -> None:
    quiet = an_incident("incident-1", an_alert(suppressed_by="sup_1"), status="suppressed")
    commit(store, a_change("run-1", incidents=[quiet]))
    assert store.incidents() == [quiet]
    heard = an_incident("incident-1", an_alert())
    commit(store, a_change("run-2", incidents=[heard]))
    assert store.incidents() == [heard]


def test_what_was_entered_is_taken_over_by_an_empty_state_only(store: Store, tmp_path: Path) -> None:
    commit(store, a_change(incidents=[an_incident("incident-1", an_alert())]))
    add(store, SUPPRESSION, WORK)
    judge(store, at=NOW + DAY)
    store.end_entry(SUPPRESSION.entry_id, by="bo", why="over", at=NOW + DAY)
    with Store.open(tmp_path / "other") as other:
        other.take_over(store.feedback())
        assert other.feedback() == store.feedback()
    with pytest.raises(FeedbackError, match="give an empty state"):
        store.take_over(Feedback())


def test_what_was_entered_is_read_from_a_folder_or_a_database(store: Store, backend: Backend, tmp_path: Path) -> None:
    add(store, SUPPRESSION)
    assert of_another(backend.database or Path(backend.state)) == store.feedback()
    with pytest.raises(StateError, match="nothing was entered there"):
        of_another(tmp_path / "nothing")


@pytest.fixture
def of_before(backend: Backend, request: pytest.FixtureRequest) -> Callable[[], Backend]:
    """Make a state as revision 0001 left it, with an incident in it."""

    def make() -> Backend:
        database = request.getfixturevalue("database") if backend.database else None
        place = Backend(backend.state, database)
        if not database:
            Path(backend.state).mkdir()
        url = (database or f"sqlite:///{backend.state}/cases.db").replace("postgresql://", "postgresql+psycopg://")
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            config = migrations()
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            connection.execute(sa.text("INSERT INTO state (number, kind) VALUES (1, 'live')"))
            connection.execute(sa.insert(INCIDENTS).values(ANY | {"incident_id": "i"}))
        engine.dispose()
        return place

    return make


def test_a_state_of_before_is_migrated_by_itself_and_keeps_what_it_holds(of_before: Callable[[], Backend]) -> None:
    place = of_before()
    with pytest.raises(StateError, match="run detect once to migrate it"):
        place.read_only()
    with place.open() as store:
        assert store.feedback() == Feedback()
        add(store, SUPPRESSION)
    url = (place.database or f"sqlite:///{place.state}/cases.db").replace("postgresql://", "postgresql+psycopg://")
    assert_tables_are_those_of_the_program(url)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT incident_id FROM incidents")) == "i"
    engine.dispose()

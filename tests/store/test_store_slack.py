"""What the case store holds of what is said in Slack: the same on SQLite and PostgreSQL."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from responding import Clock
from response_cases import END, MINUTE
from store.backends import Backend, assert_tables_are_those_of_the_program
from store.case_builders import NOW, a_change, an_incident, commit
from telling import Telling, with_incidents

from prefect_cloudtrail.demo.slack import local_slack
from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.database import migrations
from prefect_cloudtrail.store.response_tables import DECISIONS, HEARTBEATS, REQUESTS, SETTLEMENTS, WATCHES
from prefect_cloudtrail.store.slack import OwnerRow, SlackCard, SlackMessage, SlackMessages
from prefect_cloudtrail.store.tables import INCIDENTS

pytestmark = pytest.mark.parametrize("backend", ["sqlite", "postgresql"], indirect=True)
ONE, CHANNEL, SECOND = "incident-1", "C0SECURITY1", timedelta(seconds=1)


@pytest.fixture
def slack(store: Store) -> SlackMessages:
    commit(store, a_change(incidents=[an_incident("incident-1"), an_incident("incident-2")]))
    return store.slack


# --- messages ---------------------------------------------------------------------------------------------------------


def test_a_message_is_there_once_with_the_body_it_is_to_have_now(slack: SlackMessages) -> None:
    first = slack.write(ONE, "card", CHANNEL, "a", NOW)
    again = slack.write(ONE, "card", CHANNEL, "b", NOW + MINUTE)
    assert again == replace(first, body="b")
    assert (first.written_at, first.attempted_at, first.ts, first.failures) == (NOW, None, None, 0)
    assert slack.messages(ONE) == [again]


def test_the_same_name_elsewhere_is_another_message(slack: SlackMessages) -> None:
    keys = ((ONE, "card", CHANNEL), (ONE, "card", "U1"), ("incident-2", "card", CHANNEL))
    said = [slack.write(*key, "a", NOW) for key in keys]
    assert len({each.message_id for each in said}) == 3
    assert (slack.messages(ONE), slack.messages("incident-2")) == (said[:2], said[2:])


def test_messages_keep_the_order_in_which_they_were_first_stored(slack: SlackMessages) -> None:
    for name in ("card", "second", "first", "card"):
        slack.write(ONE, name, CHANNEL, "a", NOW)
    assert [each.name for each in slack.messages(ONE)] == ["card", "second", "first"]


def test_what_became_of_a_message_is_kept(slack: SlackMessages) -> None:
    written = slack.write(ONE, "card", CHANNEL, "a", NOW)
    became: dict[str, Any] = {
        "attempted_at": NOW,
        "ts": "1.2",
        "place": "D1",
        "sent": "a",
        "sent_at": NOW + SECOND,
        "next_at": NOW + MINUTE,
        "failures": 3,
        "said": "why",
        "dropped_at": NOW + MINUTE,
    }
    slack.change(written.message_id, **became)
    assert slack.messages(ONE) == [SlackMessage(**{**written.__dict__, **became})]
    with pytest.raises(StateError, match=r"^the case store holds no message msg_none$"):
        slack.change("msg_none", failures=1)


def test_a_message_about_no_incident_is_refused(slack: SlackMessages) -> None:
    with pytest.raises(StateError):
        slack.write("incident-9", "card", CHANNEL, "a", NOW)


# --- when to look -----------------------------------------------------------------------------------------------------


def test_those_whose_time_has_come_are_due_the_longest_waiting_first(slack: SlackMessages) -> None:
    slack.look_at("incident-1", NOW)
    slack.look_at("incident-2", NOW - SECOND)
    assert slack.due(NOW - MINUTE) == []
    assert (slack.due(NOW - SECOND), slack.due(NOW)) == (["incident-2"], ["incident-2", "incident-1"])
    slack.look_at("incident-2", None)
    assert slack.due(NOW + MINUTE) == ["incident-1"]


def test_a_link_once_known_stays(slack: SlackMessages) -> None:
    slack.look_at(ONE, NOW, "https://prefect.example/1")
    slack.look_at(ONE, NOW + SECOND)
    assert slack.card(ONE) == SlackCard(ONE, NOW + SECOND, None, None, "https://prefect.example/1")
    assert slack.card("incident-2") is None


@pytest.mark.parametrize("seen", [None, NOW])
def test_a_look_that_was_asked_for_meanwhile_is_not_put_off(slack: SlackMessages, seen: object) -> None:
    before = NOW if seen else None
    slack.look_at(ONE, before)
    slack.look_again(ONE, before, NOW + MINUTE)
    assert slack.due(NOW + SECOND) == []
    slack.look_at(ONE, NOW + SECOND)
    slack.look_again(ONE, NOW + MINUTE, NOW + 10 * MINUTE)
    assert slack.due(NOW + SECOND) == [ONE]


def test_how_it_was_first_told_stays(slack: SlackMessages) -> None:
    slack.look_at(ONE, NOW)
    slack.first_told(ONE, "low", NOW)
    slack.first_told(ONE, "critical", NOW + MINUTE)
    assert slack.card(ONE) == SlackCard(ONE, NOW, NOW, "low", None)


# --- the owner --------------------------------------------------------------------------------------------------------


def test_the_owner_who_was_asked_first_and_their_first_answer_stay(slack: SlackMessages) -> None:
    assert slack.owner(ONE) is None
    assert slack.owner_answers(ONE, "yes", NOW) is None
    asked = slack.ask_owner(ONE, "slack:UROSA", NOW)
    assert slack.ask_owner(ONE, "slack:UOTTO", NOW + SECOND) == asked == OwnerRow(ONE, "slack:UROSA", NOW, None, None)
    answered = slack.owner_answers(ONE, "no", NOW + MINUTE)
    assert slack.owner_answers(ONE, "yes", NOW + 2 * MINUTE) == answered == slack.owner(ONE)
    assert answered == OwnerRow(ONE, "slack:UROSA", NOW, "no", NOW + MINUTE)


# --- several at once --------------------------------------------------------------------------------------------------


def test_written_by_many_at_once_it_is_one_message(slack: SlackMessages) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: slack.write(ONE, "card", CHANNEL, f"body {n}", NOW), range(16)))
    assert len({each.message_id for each in said}) == len(slack.messages(ONE)) == 1


def test_several_tellers_at_once_say_each_thing_once(backend: Backend) -> None:
    with ExitStack() as stack:
        workspace = stack.enter_context(local_slack())
        stores = [stack.enter_context(backend.open()) for _ in range(3)]
        clock = Clock()
        with_incidents(stores[0], clock, 8)
        desks = [Telling(workspace, each, clock) for each in stores]
        asked = desks[0].ask()
        with ThreadPoolExecutor(3) as pool:
            for _ in range(3):
                list(pool.map(lambda desk: desk.teller().look(), desks))
                clock.move(seconds=5)
        told = [each["metadata"]["event_payload"]["incident_id"] for each in desks[0].cards]
        assert sorted(told) == [f"incident-{n}" for n in range(1, 9)]
        delivered = stores[0].responses.request(asked.request_id)
        assert delivered is not None
        assert delivered.delivered_at is not None


# --- a state of before ------------------------------------------------------------------------------------------------


INCIDENT = {"incident_id": ONE, "revision": 1, "kind": "", "principal": "", "person": "", "account_id": ""} | {
    "risk": 0.5,
    "severity": "",
    "status": "open",
    "document": "{}",
    "opened_at": NOW,
    "closes_at": NOW,
}
ASKED = {"request_id": "r", "incident_id": ONE, "playbook": "undo", "digest": "d", "plan": "{}"}
DECIDED = {"decision_id": "d", "request_id": "r", "digest": "d", "choice": "approve", "decided_by": "system:cleo"}
OF_BEFORE: dict[sa.Table, Mapping[str, object]] = {
    INCIDENTS: INCIDENT,
    REQUESTS: ASKED | {"asked_at": NOW, "delivered_at": NOW, "expires_at": END},
    DECISIONS: DECIDED | {"via": "terminal", "decided_at": NOW, "why": "", "key_id": "k", "signature": "s"},
    SETTLEMENTS: {"request_id": "r", "outcome": "approved", "decision_id": "d", "settled_at": NOW},
    WATCHES: {"decision_id": "d", "incident_id": ONE, "state": "watching", "said": "quiet", "applied_at": NOW + MINUTE},
    HEARTBEATS: {"name": "responder", "at": NOW},
}


def rows_of(connection: sa.Connection) -> list[object]:
    return [[dict(row) for row in connection.execute(sa.select(table)).mappings()] for table in OF_BEFORE]


def test_a_state_of_before_slack_keeps_all_it_holds_and_prefect_is_not_told_anew(
    backend: Backend, request: pytest.FixtureRequest
) -> None:
    place = Backend(backend.state, request.getfixturevalue("database") if backend.database else None)
    Path(backend.state).mkdir(exist_ok=True)
    url = (place.database or f"sqlite:///{place.state}/cases.db").replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config = migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        connection.execute(sa.text("INSERT INTO state (number, kind) VALUES (1, 'live')"))
        for table, row in OF_BEFORE.items():
            connection.execute(sa.insert(table).values(row))
        before = rows_of(connection)
    with place.open() as store:
        assert (store.responses.to_show(NOW), store.slack.messages(ONE), store.slack.due(END)) == ([], [], [])
        store.slack.look_at(ONE, NOW)
        assert store.slack.write(ONE, "card", CHANNEL, "a", NOW) == store.slack.messages(ONE)[0]
    with engine.connect() as connection:
        assert rows_of(connection) == before
    engine.dispose()
    assert_tables_are_those_of_the_program(url)

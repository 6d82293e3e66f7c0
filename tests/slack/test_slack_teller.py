"""All that are due are told of, whatever ails one of them, and looked at again when there may be more to say."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from response_cases import Case
from telling import INCIDENT, Telling, telling

from prefect_cloudtrail.errors import SlackError, StateError
from prefect_cloudtrail.response.decision import Choice
from prefect_cloudtrail.response.rules import Rules
from prefect_cloudtrail.response.signing import Keys
from prefect_cloudtrail.slack import delivering
from prefect_cloudtrail.slack import teller as tellers
from prefect_cloudtrail.slack.message import CARD, LISTENER, PAGER
from prefect_cloudtrail.slack.teller import next_look
from prefect_cloudtrail.store.slack import SlackMessage

POST, UPDATE = "chat.postMessage", "chat.update"
ROSAS, GROUPS = "U0ROSA00001", ("S0RESPOND01", "S0LEADS0001")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Telling]:
    with telling(tmp_path) as found:
        yield found


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Telling]:
    with telling(tmp_path, 3) as found:
        yield found


def due_in(desk: Telling, incident_id: str = INCIDENT) -> float | None:
    card = desk.store.slack.card(incident_id)
    assert card is not None
    return (card.next_at - desk.clock()).total_seconds() if card.next_at else None


# --- all that are due -------------------------------------------------------------------------------------------------


def test_all_that_are_due_are_told_of_and_not_again_until_they_are(three: Telling) -> None:
    teller = three.teller()
    assert teller.look() == [f"incident-{n}: card posted" for n in (1, 2, 3)]
    assert (teller.look(), len(three.cards)) == ([], 3)


def test_those_that_are_not_due_are_left_alone(three: Telling) -> None:
    three.store.slack.look_at("incident-2", three.clock() + timedelta(seconds=1))
    three.store.slack.look_at("incident-3", None)
    assert three.teller().look() == ["incident-1: card posted"]


def test_one_that_cannot_be_told_of_keeps_no_other_from_being_told_of(
    three: Telling, caplog: pytest.LogCaptureFixture
) -> None:
    three.store.responses.keep_context("incident-1", 1, "no JSON", three.clock())
    assert three.teller().look() == ["incident-2: card posted", "incident-3: card posted"]
    assert [each.message.partition(":")[0] for each in caplog.records] == ["incident-1 cannot be told of"]
    assert due_in(three) == 60


def test_one_that_another_tells_of_keeps_no_other_from_being_told_of(three: Telling) -> None:
    with delivering.telling(three.store, "incident-1", three.clock):
        assert three.teller().look() == ["incident-2: card posted", "incident-3: card posted"]
    assert due_in(three) == 0


def test_a_round_is_bounded_and_those_waiting_longest_come_first(
    three: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tellers, "MOST_A_ROUND", 2)
    three.store.slack.look_at("incident-3", three.clock() - timedelta(seconds=1))
    teller = three.teller()
    assert teller.look() == ["incident-3: card posted", "incident-1: card posted"]
    assert teller.look() == ["incident-2: card posted"]


def test_while_slack_asks_to_wait_nobody_asks_it_and_then_all_are_told(three: Telling) -> None:
    teller = three.teller()
    three.slack.faults.rate_limited(30, POST)
    assert (teller.look(), three.slack.faults.counts()) == ([], {POST: 1})
    three.clock.move(seconds=29)
    assert (teller.look(), three.slack.faults.counts()) == ([], {POST: 1})
    three.clock.move(seconds=1)
    assert sorted(teller.look()) == [f"incident-{n}: card posted" for n in (1, 2, 3)]


def test_where_slack_does_not_answer_one_look_does_not_wait_for_it_once_an_incident(three: Telling) -> None:
    teller = three.teller()
    three.slack.faults.down()
    assert (teller.look(), three.slack.faults.counts()) == ([], {POST: 1})
    three.slack.faults.clear()
    three.clock.move(seconds=2)
    assert sorted(teller.look()) == [f"incident-{n}: card posted" for n in (1, 2, 3)]


def test_slow_is_not_silent(three: Telling) -> None:
    three.slack.faults.slow(0.3, POST)
    assert len(three.teller().look()) == 3


# --- this one now -----------------------------------------------------------------------------------------------------


def test_one_is_told_of_now_and_its_link_is_kept(desk: Telling) -> None:
    desk.store.slack.look_at(INCIDENT, None)
    assert desk.teller().tell(INCIDENT, "https://prefect.example/run") == [f"{INCIDENT}: card posted"]
    card = desk.store.slack.card(INCIDENT)
    assert card is not None
    assert card.link == "https://prefect.example/run"


def test_that_slack_does_not_take_a_card_is_said_each_time_until_it_does(desk: Telling) -> None:
    desk.slack.faults.error("not_in_channel", POST)
    teller, said = desk.teller(), f"^cannot post card of {INCIDENT}: not_in_channel; invite the app to the channel$"
    with pytest.raises(SlackError, match=said):
        teller.tell(INCIDENT)
    desk.clock.move(seconds=5)  # a task's retry, before it is tried again
    with pytest.raises(SlackError, match=said):
        teller.tell(INCIDENT)
    desk.clock.move(seconds=55)
    assert teller.tell(INCIDENT) == [f"{INCIDENT}: card posted"]


def test_one_that_waits_because_slack_asked_to_is_not_called_told(three: Telling) -> None:
    teller = three.teller()
    three.slack.faults.rate_limited(30, POST)
    teller.look()
    with pytest.raises(
        SlackError, match=r"^cannot post the card of incident-3: Slack asks to wait; it is tried again$"
    ):
        teller.tell("incident-3")


def test_that_an_owner_cannot_be_asked_is_no_failure_of_the_card(
    desk: Telling, caplog: pytest.LogCaptureFixture
) -> None:
    desk.store.slack.ask_owner(INCIDENT, "slack:U0NOBODY", desk.clock())
    assert desk.teller().tell(INCIDENT) == [f"{INCIDENT}: card posted"]
    assert f"cannot post owner of {INCIDENT}: channel_not_found" in caplog.text


def test_an_incident_that_is_not_there_is_refused(desk: Telling) -> None:
    with pytest.raises(StateError):
        desk.teller().tell("incident-9")


def test_what_came_while_another_was_telling_is_told_next(desk: Telling) -> None:
    desk.slack.faults.slow(0.5, POST)
    first = Thread(target=desk.teller().look)
    first.start()
    desk.slack.people.wait_for(lambda: desk.slack.faults.calls(POST))
    desk.clock.move(seconds=0.1)
    assert desk.teller().tell(INCIDENT) == []
    first.join()
    assert due_in(desk) == 0


# --- while people answer ----------------------------------------------------------------------------------------------


def test_an_answer_from_the_terminal_is_on_the_card_within_five_seconds(desk: Telling, tmp_path: Path) -> None:
    desk.rules = Rules(approvers=("system:cleo", "system:dan"), dry_run=False)
    desk.store.responses.beat(LISTENER, desk.clock())
    request, teller = desk.ask(), desk.teller()
    teller.look()
    desk.clock.move(seconds=3)
    teller.look()
    buttons = str(desk.cards[0]["blocks"])
    Case(desk.store, Keys.make(tmp_path / "keys"), request, desk.rules).answer(
        "system:cleo", Choice.LEAVE, at=desk.clock(), why="known"
    )
    desk.clock.move(seconds=5)
    teller.look()
    assert request.request_id in buttons
    assert request.request_id not in str(desk.cards[0]["blocks"])
    assert any("cleo" in each and "left it on" in each for each in desk.texts)


def test_when_nobody_answers_the_next_group_is_called_once_each_five_minutes(desk: Telling) -> None:
    desk.groups, teller = GROUPS, desk.teller(groups=GROUPS)
    desk.ask()
    for _ in range(40):
        teller.look()
        desk.clock.move(seconds=30)
    called = [each for each in desk.texts if "nobody answered" in each]
    assert [each.partition(">")[0] for each in called] == ["<!subteam^S0LEADS0001"]


# --- when to look again -----------------------------------------------------------------------------------------------


def a_row(desk: Telling, name: str = CARD, **fields: Any) -> SlackMessage:
    empty: dict[str, Any] = dict.fromkeys(SlackMessage.__annotations__)
    empty |= {"message_id": name, "incident_id": INCIDENT, "name": name, "channel": desk.slack.channel}
    empty |= {"body": "{}", "failures": 0}
    return SlackMessage(**empty | fields)


SAID: dict[str, Any] = {"ts": "1.0", "sent": "{}"}


@pytest.mark.parametrize(
    ("rows", "not_before", "seconds"),
    [
        ([(CARD, {})], None, 1),
        ([(CARD, {"next_in": 30})], None, 30),
        ([(CARD, {})], 20, 20),
        ([(CARD, {"next_in": 30}), ("first", {})], None, 30),
        ([("first", {"next_in": 40}), ("second", {}), (CARD, SAID)], None, 40),
        ([(CARD, {"next_in": 30}), ("owner", {"channel": ROSAS})], None, 1),
        ([(CARD, {"next_in": 30}), ("pager", {"channel": PAGER})], None, 1),
        ([(CARD, {}), ("pager", {"channel": PAGER, "next_in": 2})], 20, 2),
        ([(CARD, SAID | {"sent": "older", "sent_in": -1})], None, 2),
        ([(CARD, SAID | {"sent": "older", "sent_in": -9})], None, 1),
        ([(CARD, SAID | {"sent": "older", "sent_in": -9, "next_in": 8})], None, 8),
        ([(CARD, SAID), ("first", {"dropped_in": 0})], None, 60),
        ([(CARD, SAID)], None, 60),
    ],
)
def test_what_is_left_to_say_is_said_as_soon_as_it_may_be(
    desk: Telling, rows: list[tuple[str, dict[str, Any]]], not_before: int | None, seconds: int
) -> None:
    known, found = desk.told(), []
    for name, fields in rows:
        moments = {
            name: desk.clock() + timedelta(seconds=fields[given])
            for given, name in (("next_in", "next_at"), ("sent_in", "sent_at"), ("dropped_in", "dropped_at"))
            if given in fields
        }
        found.append(a_row(desk, name, **moments, **{k: v for k, v in fields.items() if not k.endswith("_in")}))
    held = desk.clock() + timedelta(seconds=not_before) if not_before else None
    assert next_look(known, found, pages=True, not_before=held) == desk.clock() + timedelta(seconds=seconds)


def test_a_pager_that_there_is_not_is_not_waited_for(desk: Telling) -> None:
    rows = [a_row(desk, **SAID), a_row(desk, "pager", channel=PAGER)]
    assert next_look(desk.told(), rows) == desk.clock() + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("days", "seconds"),
    [(0, 60), (1, 60), (3, 600), (29, 600), (31, None)],
)
def test_the_older_an_incident_is_the_less_often_it_is_looked_at(desk: Telling, days: int, seconds: int | None) -> None:
    known = desk.told()
    later = replace(known, now=known.now + timedelta(days=days))
    found = next_look(later, [a_row(desk, **SAID)])
    assert found == (later.now + timedelta(seconds=seconds) if seconds else None)


def test_while_a_request_is_open_it_is_looked_at_within_five_seconds(desk: Telling) -> None:
    desk.ask()
    known = replace(desk.told(), now=desk.clock() + timedelta(hours=3))
    assert next_look(known, [a_row(desk, **SAID)]) == known.now + timedelta(seconds=4)


@pytest.mark.parametrize(("watch_in", "seconds"), [(10, 11), (0, 4), (-30, 4), (900, 60)])
def test_what_a_look_at_aws_finds_is_said_right_after_it(
    desk: Telling, tmp_path: Path, watch_in: int, seconds: int
) -> None:
    desk.rules = Rules(approvers=("system:cleo", "system:dan"), dry_run=False)
    case = Case(desk.store, Keys.make(tmp_path / "keys"), desk.ask(), desk.rules)
    decided = [case.answer(name, at=desk.clock()) for name in desk.rules.approvers][-1]
    next_at = desk.clock() + timedelta(seconds=watch_in)
    desk.store.responses.start_watch(str(decided.decision_id), INCIDENT, desk.clock(), next_at)
    assert next_look(desk.told(), [a_row(desk, **SAID)]) == desk.clock() + timedelta(seconds=seconds)


def test_what_is_not_said_is_tried_however_old_the_incident_is(desk: Telling) -> None:
    known = desk.told()
    later = replace(known, now=known.now + timedelta(days=40))
    assert next_look(later, [a_row(desk)]) == later.now + timedelta(seconds=1)

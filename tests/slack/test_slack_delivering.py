"""Each message is said once, in order, and updated in place, whatever befalls Slack or whoever tells it."""

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from telling import (
    CARD_SAID,
    DIRECT,
    FIRST,
    INCIDENT,
    PAGED,
    SECOND,
    Telling,
    a_message,
    client_of,
    saying,
    telling,
)

from prefect_cloudtrail.demo.slack import Faults
from prefect_cloudtrail.demo.slack.team import GENERAL, ROSA
from prefect_cloudtrail.errors import LeaseHeldError
from prefect_cloudtrail.slack import delivering
from prefect_cloudtrail.slack.message import CARD
from prefect_cloudtrail.store import Store

POST, UPDATE = "chat.postMessage", "chat.update"
THREAD = [each.text for each in (CARD_SAID, FIRST, SECOND)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Telling]:
    with telling(tmp_path) as found:
        yield found


# --- in order, once ---------------------------------------------------------------------------------------------------


def test_the_card_comes_first_and_its_thread_behind_it_in_order(desk: Telling) -> None:
    found = desk.deliver(FIRST, CARD_SAID, SECOND)
    assert found == delivering.Delivered(
        (f"{INCIDENT}: card posted", f"{INCIDENT}: first posted", f"{INCIDENT}: second posted"), (), None
    )
    assert desk.texts == THREAD


def test_a_message_carries_by_what_it_is_found_again(desk: Telling) -> None:
    desk.deliver(CARD_SAID, FIRST)
    thread = desk.slack.workspace.thread(desk.slack.channel, desk.cards[0]["ts"])
    assert [each["metadata"] for each in thread] == [
        {
            "event_type": f"prefect_cloudtrail_{kind}",
            "event_payload": {"incident_id": INCIDENT, "message_id": desk.row(name).message_id},
        }
        for kind, name in (("card", CARD), ("reply", "first"))
    ]


def test_what_is_said_is_not_said_again(desk: Telling) -> None:
    desk.deliver(CARD_SAID, FIRST, DIRECT)
    asked = desk.slack.faults.counts()
    desk.clock.move(seconds=10)
    assert desk.deliver(CARD_SAID, FIRST, DIRECT).said == ()
    assert desk.slack.faults.counts() == asked


def test_a_direct_message_goes_to_the_person_alone(desk: Telling) -> None:
    desk.deliver(CARD_SAID, DIRECT)
    assert (desk.texts, desk.direct) == ([CARD_SAID.text], [DIRECT.text])
    assert desk.row("owner").place == f"D{ROSA.user_id[1:]}"


def test_a_reply_that_is_not_taken_holds_up_those_behind_it_and_nothing_else(desk: Telling) -> None:
    desk.deliver(CARD_SAID)
    desk.slack.faults.error("restricted_action", POST)
    desk.deliver(CARD_SAID, FIRST, SECOND, DIRECT)
    assert (desk.texts, desk.direct) == ([CARD_SAID.text], [DIRECT.text])
    desk.clock.move(seconds=61)
    desk.deliver(CARD_SAID, FIRST, SECOND, DIRECT)
    assert (desk.texts, desk.direct) == (THREAD, [DIRECT.text])


# --- updates ----------------------------------------------------------------------------------------------------------


def test_what_follows_is_updated_in_place_and_what_does_not_stays(desk: Telling) -> None:
    desk.deliver(CARD_SAID, FIRST)
    desk.clock.move(seconds=3)
    desk.deliver(a_message(text="more is known"), replace(FIRST, text="said otherwise"))
    assert desk.texts == ["more is known", FIRST.text]


def test_twenty_changes_within_three_seconds_are_at_most_two_updates_and_end_with_the_last(desk: Telling) -> None:
    desk.deliver(CARD_SAID)
    desk.clock.move(seconds=3)
    for number in range(20):
        desk.deliver(a_message(text=f"change {number}"))
        desk.clock.move(seconds=0.15)
    assert desk.slack.faults.calls(UPDATE) <= 2
    desk.clock.move(seconds=3)
    desk.deliver(a_message(text="change 19"))
    assert desk.texts == ["change 19"]


def test_an_update_whose_answer_was_lost_is_made_again(desk: Telling) -> None:
    desk.deliver(CARD_SAID)
    desk.clock.move(seconds=3)
    desk.slack.faults.ambiguous(UPDATE)
    assert desk.deliver(a_message(text="more is known")).failures
    desk.clock.move(seconds=3)
    assert desk.deliver(a_message(text="more is known")).said == (f"{INCIDENT}: card updated",)
    assert desk.texts == ["more is known"]


def test_a_card_that_somebody_deleted_is_posted_again_with_what_is_new(desk: Telling) -> None:
    desk.deliver(CARD_SAID)
    desk.slack.workspace.delete(desk.slack.channel, desk.cards[0]["ts"])
    desk.clock.move(seconds=3)
    changed = a_message(text="more is known")
    assert desk.deliver(changed).said == (f"{INCIDENT}: card was deleted; it is posted again",)
    desk.deliver(changed, FIRST)
    assert desk.texts == ["more is known", FIRST.text]


def test_a_reply_to_a_card_that_somebody_deleted_brings_the_card_back(desk: Telling) -> None:
    desk.deliver(CARD_SAID)
    desk.slack.workspace.delete(desk.slack.channel, desk.cards[0]["ts"])
    assert desk.deliver(CARD_SAID, FIRST).failures
    desk.clock.move(seconds=1)
    desk.deliver(CARD_SAID, FIRST)
    assert desk.texts == [CARD_SAID.text, FIRST.text]


# --- whether it was posted is not known -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["card", "first", "owner"])
def test_a_post_whose_answer_was_lost_is_found_and_not_made_again(desk: Telling, name: str) -> None:
    said = {CARD: (CARD_SAID,), "first": (CARD_SAID, FIRST), "owner": (CARD_SAID, DIRECT)}[name]
    if name != CARD:
        desk.deliver(CARD_SAID)
    desk.slack.faults.ambiguous(POST)
    failed = desk.deliver(*said)
    assert len(failed.failures) == 1
    assert failed.not_before is not None
    desk.clock.move(seconds=2)
    assert desk.deliver(*said).said[0] == f"{INCIDENT}: {name} was posted before"
    assert [*desk.texts, *desk.direct] == [each.text for each in said]


def refused(faults: Faults, method: str) -> None:
    faults.error("missing_scope", method)


def limited(faults: Faults, method: str) -> None:
    faults.rate_limited(1, method)


def down(faults: Faults, method: str) -> None:
    faults.down(method, calls=1)


def a_proxys_page(faults: Faults, method: str) -> None:
    faults.down(method, calls=1, status=502)


@pytest.mark.parametrize("fails", [refused, limited, down, a_proxys_page])
def test_where_it_cannot_be_looked_for_it_is_not_posted_but_later(
    desk: Telling, fails: Callable[[Faults, str], None]
) -> None:
    desk.slack.faults.ambiguous(POST)
    desk.deliver(CARD_SAID)
    fails(desk.slack.faults, "conversations.history")
    desk.clock.move(seconds=2)
    assert desk.deliver(CARD_SAID).failures
    desk.clock.move(seconds=61)
    assert desk.deliver(CARD_SAID).said[0] == f"{INCIDENT}: card was posted before"
    assert (desk.texts, desk.slack.faults.calls(POST)) == ([CARD_SAID.text], 1)


@pytest.mark.parametrize(
    ("fails", "looked"),
    [
        (a_proxys_page, 1),
        (down, 1),
        (lambda faults, method: faults.error("internal_error", method), 1),
        (lambda faults, method: faults.error("fatal_error", method), 1),
        (limited, 0),
        (lambda faults, method: faults.error("channel_not_found", method), 0),
    ],
)
def test_only_what_slack_refused_for_sure_is_posted_without_looking(
    desk: Telling, fails: Callable[[Faults, str], None], looked: int
) -> None:
    fails(desk.slack.faults, POST)
    desk.deliver(CARD_SAID)
    desk.clock.move(seconds=61)
    desk.deliver(CARD_SAID)
    assert (desk.texts, desk.slack.faults.calls("conversations.history")) == ([CARD_SAID.text], looked)


def test_it_is_found_behind_many_others(desk: Telling) -> None:
    desk.slack.faults.ambiguous(POST)
    desk.deliver(CARD_SAID)
    for number in range(450):
        desk.slack.workspace.post(desk.slack.channel, f"chatter {number}", user=ROSA.user_id)
    desk.clock.move(seconds=2)
    desk.deliver(CARD_SAID)
    assert (desk.texts, desk.slack.faults.calls("conversations.history")) == ([CARD_SAID.text], 3)


def test_what_was_found_is_brought_up_to_date(desk: Telling) -> None:
    desk.slack.faults.ambiguous(POST)
    desk.deliver(CARD_SAID)
    desk.clock.move(seconds=3)
    found = desk.deliver(a_message(text="more is known"))
    assert found.said == (f"{INCIDENT}: card was posted before", f"{INCIDENT}: card updated")
    assert desk.texts == ["more is known"]


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_at(commit: int, counts: Callable[[], object] = lambda: True) -> Iterator[list[int]]:
    """Let nothing be committed from the n-th commit on, of those that count; give how many there were."""
    seen = [0]

    def before(_: sa.Connection) -> None:
        seen[0] += bool(counts())
        if seen[0] >= commit:
            raise Killed

    event.listen(sa.Engine, "commit", before)
    try:
        yield seen
    except Killed:
        pass
    finally:
        event.remove(sa.Engine, "commit", before)


def test_killed_before_any_commit_it_says_each_thing_once(tmp_path: Path) -> None:
    said, commit, marks = (CARD_SAID, FIRST, SECOND, DIRECT), 0, 1
    with telling(tmp_path) as desk, killed_at(1_000) as seen:
        desk.deliver(*said)
        marks = seen[0]
    assert marks > 15
    for commit in range(1, marks + 1):
        with telling(tmp_path / str(commit)) as desk:
            with killed_at(commit):
                desk.deliver(*said)
            # The lease of a process that is gone is taken over at once; this one's is still here.
            desk.clock.move(minutes=delivering.LEASE_MINUTES, seconds=1)
            with Store.open(tmp_path / str(commit) / "state") as store:
                again = replace(desk, store=store)
                # What was posted before the kill lies before the clock that was moved.
                for row in store.slack.messages(INCIDENT):
                    if row.attempted_at is not None:
                        store.slack.change(row.message_id, attempted_at=row.attempted_at - timedelta(minutes=3))
                again.deliver(*said)
            assert (desk.texts, desk.direct) == (THREAD, [DIRECT.text]), commit


def deliver_until_killed(folder: Path, token: str, url: str, channel: str) -> None:
    """Be a process that is killed when Slack has the card, and nobody else knows."""
    from responding import Clock  # noqa: PLC0415
    from slack_sdk import WebClient  # noqa: PLC0415

    from prefect_cloudtrail.response.rules import Rules  # noqa: PLC0415
    from prefect_cloudtrail.slack.message import told  # noqa: PLC0415

    class Dying(WebClient):
        def chat_postMessage(self, **given: Any) -> Any:  # noqa: N802 - the client's own name
            super().chat_postMessage(**given)
            os.kill(os.getpid(), signal.SIGKILL)

    clock = Clock()
    with Store.open(folder / "state") as store:
        known = told(store, INCIDENT, Rules(), (), clock())
        with delivering.telling(store, INCIDENT, clock) as lease:
            said = saying([CARD_SAID])
            delivering.deliver(lease, store, Dying(token, base_url=url), known, channel, clock, say=said)


def test_after_sigkill_the_next_takes_over_at_once_and_finds_what_was_posted(desk: Telling, tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    given = (tmp_path, desk.slack.bot_token, desk.slack.api_url, desk.slack.channel)
    process = context.Process(target=deliver_until_killed, args=given)
    process.start()
    process.join(60)
    assert (process.exitcode, desk.row().ts) == (-signal.SIGKILL, None)
    assert desk.deliver(CARD_SAID).said == (f"{INCIDENT}: card was posted before",)
    assert desk.texts == [CARD_SAID.text]


# --- Slack does not take it -------------------------------------------------------------------------------------------


def test_it_is_tried_again_after_longer_each_time_and_a_minute_at_most(desk: Telling) -> None:
    desk.slack.faults.error("team_added_to_org", POST, calls=None)
    waits = []
    for _ in range(9):
        desk.deliver(CARD_SAID)
        row = desk.row()
        assert row.next_at is not None
        waits.append((row.next_at - desk.clock()).total_seconds())
        desk.clock.now = row.next_at
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    desk.slack.faults.clear()
    desk.deliver(CARD_SAID)
    assert (desk.texts, desk.row().failures, desk.row().said) == ([CARD_SAID.text], 0, None)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("channel_not_found", "set PREFECT_CLOUDTRAIL_SLACK_CHANNEL to the channel's id, and invite the app"),
        ("not_in_channel", "invite the app to the channel"),
        ("invalid_auth", "set PREFECT_CLOUDTRAIL_SLACK_TOKEN to the app's bot token"),
        ("token_revoked", "install the app again, and set its token"),
        ("is_archived", "the channel is archived: set PREFECT_CLOUDTRAIL_SLACK_CHANNEL to another"),
        ("missing_scope", "install the app anew from deploy/slack-manifest.yaml"),
    ],
)
def test_what_a_person_must_mend_is_said_and_tried_each_minute(desk: Telling, code: str, advice: str) -> None:
    desk.slack.faults.error(code, POST)
    assert desk.deliver(CARD_SAID).failures == (f"cannot post card of {INCIDENT}: {code}; {advice}",)
    assert desk.row().next_at == desk.clock() + timedelta(seconds=60)


def test_while_slack_asks_to_wait_nothing_of_it_is_asked(desk: Telling) -> None:
    desk.slack.faults.rate_limited(30, POST)
    found = desk.deliver(CARD_SAID, FIRST, DIRECT)
    assert found.failures == (f"cannot post card of {INCIDENT}: Slack asks to wait 30 s",)
    assert found.not_before == desk.clock() + timedelta(seconds=30)
    assert desk.slack.faults.counts() == {POST: 1}


def test_what_slack_takes_for_wrong_blocks_is_said_without_them(desk: Telling, caplog: Any) -> None:
    wrong = replace(CARD_SAID, blocks=CARD_SAID.blocks * 51)
    desk.deliver(wrong)
    assert desk.texts == [f"the card\n`prefect-cloudtrail incidents {INCIDENT}` shows all of it."]
    assert [each.levelno for each in caplog.records if each.name == delivering.__name__] == [logging.ERROR]
    desk.clock.move(seconds=3)
    desk.deliver(replace(wrong, text="more is known"))
    assert desk.texts == [f"more is known\n`prefect-cloudtrail incidents {INCIDENT}` shows all of it."]


def test_a_text_that_is_too_long_to_change_a_message_to_is_cut(desk: Telling) -> None:
    desk.deliver(CARD_SAID)
    desk.clock.move(seconds=3)
    desk.deliver(replace(CARD_SAID, text="a word " * 1_000))
    assert desk.texts[0].startswith("a word a word")
    assert desk.texts[0].endswith(f" …\n`prefect-cloudtrail incidents {INCIDENT}` shows all of it.")


# --- what is no more to be said ---------------------------------------------------------------------------------------


def test_what_was_not_posted_and_is_no_more_to_be_said_is_dropped(desk: Telling) -> None:
    desk.slack.faults.error("team_added_to_org", POST)
    desk.deliver(CARD_SAID, FIRST)
    desk.clock.move(seconds=2)
    desk.deliver(CARD_SAID)
    assert (desk.texts, desk.row("first").dropped_at) == ([CARD_SAID.text], desk.clock())
    desk.deliver(CARD_SAID, FIRST)
    assert (desk.texts, desk.row("first").dropped_at) == ([CARD_SAID.text, FIRST.text], None)


def test_what_may_be_posted_and_is_no_more_to_be_said_is_not_posted_again(desk: Telling) -> None:
    desk.deliver(CARD_SAID)
    desk.slack.faults.down(POST, calls=1)
    desk.deliver(CARD_SAID, FIRST)
    desk.clock.move(seconds=2)
    desk.deliver(CARD_SAID)
    assert desk.texts == [CARD_SAID.text]


def test_what_was_posted_stays_though_it_is_no_more_to_be_said(desk: Telling) -> None:
    desk.deliver(CARD_SAID, FIRST)
    desk.deliver(CARD_SAID)
    assert desk.texts == [CARD_SAID.text, FIRST.text]


def test_in_another_channel_the_card_is_posted_anew_and_its_thread_is_there(desk: Telling) -> None:
    desk.slack.workspace._channels[GENERAL.channel_id]["members"].add("U0LOCALBOT1")  # noqa: SLF001 - invited
    desk.deliver(CARD_SAID)
    desk.deliver(CARD_SAID, FIRST, channel=GENERAL.channel_id)
    elsewhere = desk.slack.workspace.history(GENERAL.channel_id)
    assert [each["text"] for each in elsewhere] == [CARD_SAID.text]
    assert [e["text"] for e in desk.slack.workspace.thread(GENERAL.channel_id, elsewhere[0]["ts"])] == THREAD[:2]
    assert desk.texts == [CARD_SAID.text]


# --- whose time runs --------------------------------------------------------------------------------------------------


def test_a_requests_time_runs_from_when_its_button_is_on_the_card(desk: Telling) -> None:
    request = desk.ask()
    desk.slack.faults.error("not_in_channel", POST)
    desk.deliver()
    assert desk.store.responses.requests(INCIDENT)[0].delivered_at is None
    desk.clock.move(minutes=30)
    desk.deliver()
    found = desk.store.responses.request(request.request_id)
    assert found is not None
    assert (found.delivered_at, found.expires_at) == (desk.clock(), desk.clock() + timedelta(hours=4))


def test_a_request_that_comes_later_is_delivered_by_the_update(desk: Telling) -> None:
    desk.deliver()
    desk.clock.move(seconds=5)
    request = desk.ask()
    desk.slack.faults.error("team_added_to_org", UPDATE)
    desk.deliver()
    assert desk.store.responses.requests(INCIDENT)[0].delivered_at is None
    desk.clock.move(seconds=2)
    desk.deliver()
    found = desk.store.responses.request(request.request_id)
    assert found is not None
    assert found.delivered_at == desk.clock()


def test_it_is_delivered_though_who_posted_was_killed_before_it_was_kept(desk: Telling) -> None:
    request = desk.ask()
    with killed_at(2, counts=lambda: desk.cards):  # that it is posted is kept, and no more
        desk.deliver()
    assert desk.row().sent == desk.row().body
    assert desk.store.responses.requests(INCIDENT)[0].delivered_at is None
    desk.clock.move(minutes=2, seconds=1)
    desk.deliver()
    found = desk.store.responses.request(request.request_id)
    assert found is not None
    assert found.delivered_at is not None


def test_when_and_how_severe_it_was_first_told_stays(desk: Telling) -> None:
    desk.deliver(CARD_SAID)
    first = desk.store.slack.card(INCIDENT)
    desk.clock.move(seconds=5)
    desk.deliver(a_message(text="more is known"))
    assert first is not None
    assert (first.first_told_at, first.first_severity) == (desk.clock() - timedelta(seconds=5), "high")
    assert desk.store.slack.card(INCIDENT) == first


# --- one writer -------------------------------------------------------------------------------------------------------


def test_while_another_tells_of_the_incident_nothing_is_said(desk: Telling) -> None:
    with delivering.telling(desk.store, INCIDENT, desk.clock), pytest.raises(LeaseHeldError):
        desk.deliver(CARD_SAID)
    assert desk.cards == []


def test_who_stalled_and_was_taken_over_says_nothing_more(desk: Telling) -> None:
    with delivering.telling(desk.store, INCIDENT, desk.clock) as stalled:
        desk.clock.move(minutes=3)
        desk.deliver(CARD_SAID)
        client, known, said = client_of(desk.slack), desk.told(), saying([CARD_SAID, FIRST])
        with pytest.raises(LeaseHeldError):
            delivering.deliver(stalled, desk.store, client, known, desk.slack.channel, desk.clock, say=said)
    assert desk.texts == [CARD_SAID.text]


def test_the_pager_is_not_written_where_nobody_is_paged(desk: Telling) -> None:
    desk.deliver(CARD_SAID, PAGED)
    assert [each.name for each in desk.store.slack.messages(INCIDENT)] == [CARD]

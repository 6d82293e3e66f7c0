"""Socket Mode: what is listened to, for how long, and what is said where it cannot be."""

import logging
import threading
from datetime import timedelta

import pytest
from slack_desk import JONASS, MAYAS, Desk, at_work
from slack_sdk import WebClient

from prefect_cloudtrail.demo.slack.team import OTTO
from prefect_cloudtrail.errors import SlackError
from prefect_cloudtrail.slack import sockets
from prefect_cloudtrail.slack.message import LISTENER
from prefect_cloudtrail.slack.sockets import listening

APPROVE = "approve.disable_access_keys"
ADVICE = "set PREFECT_CLOUDTRAIL_SLACK_APP_TOKEN to the app's token for Socket Mode (xapp-..., scope connections:write)"


@pytest.mark.parametrize("error", ["invalid_auth", "missing_scope", "not_allowed_token_type"])
def test_a_token_that_opens_no_connection_is_said_and_nothing_goes_on(quiet_desk: Desk, error: str) -> None:
    before = set(threading.enumerate())
    quiet_desk.slack.faults.error(error, "apps.connections.open", calls=None)
    with pytest.raises(SlackError) as found, at_work(quiet_desk):
        pass
    assert str(found.value) == f"cannot open a connection to Slack: {error}; {ADVICE}"
    assert set(threading.enumerate()) - before == set()


def test_the_bots_token_is_not_the_apps(quiet_desk: Desk) -> None:
    slack = quiet_desk.slack
    with (
        pytest.raises(SlackError) as found,
        listening(quiet_desk.listener, slack.bot_token, quiet_desk.listener.slack, quiet_desk.store, quiet_desk.clock),
    ):
        pass
    assert str(found.value).endswith(ADVICE)


def test_a_slack_that_cannot_be_reached_is_said(quiet_desk: Desk) -> None:
    nowhere = WebClient(token="xoxb-none", base_url="http://127.0.0.1:9/api/", retry_handlers=[])  # noqa: S106
    with (
        pytest.raises(SlackError) as found,
        listening(quiet_desk.listener, "xapp-none", nowhere, quiet_desk.store, quiet_desk.clock),
    ):
        pass
    assert str(found.value).startswith("cannot open a connection to Slack: ")
    assert "xapp-none" not in str(found.value)


def test_while_it_is_connected_it_says_so(desk: Desk) -> None:
    first = desk.slack.people.wait_for(lambda: desk.store.responses.last_beat(LISTENER))
    assert first == desk.clock()


def test_while_it_is_not_connected_it_says_nothing(quiet_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "BEATS_EVERY_SECONDS", 0.05)
    with at_work(quiet_desk):
        quiet_desk.slack.people.wait_for(lambda: quiet_desk.store.responses.last_beat(LISTENER))
        quiet_desk.slack.faults.down("apps.connections.open")
        quiet_desk.slack.disconnect()
        quiet_desk.slack.people.wait_for(lambda: quiet_desk.slack.faults.calls("apps.connections.open") > 1)
        quiet_desk.clock.now += timedelta(minutes=2)
        threading.Event().wait(0.3)  # for what must not come
        assert quiet_desk.store.responses.last_beat(LISTENER) != quiet_desk.clock()
        quiet_desk.slack.faults.clear()
        quiet_desk.slack.people.wait_for(
            lambda: quiet_desk.store.responses.last_beat(LISTENER) == quiet_desk.clock(), seconds=20
        )


@pytest.mark.parametrize("warn", [True, False], ids=["asked to", "dropped"])
def test_it_connects_anew_by_itself(desk: Desk, warn: bool) -> None:
    desk.ask()
    desk.slack.disconnect(warn=warn)
    # slack_sdk reads the new connection once its wait on the old one is over, which takes it up to 3 seconds.
    card = desk.card["ts"]
    desk.slack.people.wait_for(lambda: desk.slack.people.click(MAYAS, desk.slack.channel, card, APPROVE), seconds=30)
    assert desk.reads(MAYAS).startswith("Disable this key?")
    assert desk.submits(MAYAS) == "Approved\nApproved; it is carried out now."


def test_several_people_are_answered_at_once(desk: Desk) -> None:
    desk.ask()
    with desk.slack.faults.held("users.info", calls=1):
        desk.click(OTTO.user_id, APPROVE)
        desk.slack.people.wait_for(lambda: desk.slack.faults.calls("users.info"))
        assert desk.opens(JONASS, APPROVE).startswith("Disable this key?")
        waiting = desk.slack.people.view(OTTO.user_id)
        assert waiting is not None
        assert waiting["title"]["text"] == "One moment"
    assert desk.reads(OTTO.user_id).startswith("Nothing was done\n")


def test_what_is_being_answered_at_the_end_is_answered_first(quiet_desk: Desk) -> None:
    quiet_desk.ask()
    quiet_desk.slack.faults.slow(1, "users.info", calls=1)
    with at_work(quiet_desk):
        quiet_desk.click(OTTO.user_id, APPROVE)
        quiet_desk.slack.people.wait_for(lambda: quiet_desk.slack.faults.calls("users.info"))
    assert quiet_desk.reads(OTTO.user_id) == (
        "Nothing was done\nNothing was done: you are not among those who may decide."
    )


def test_what_is_no_interaction_is_acknowledged_too(desk: Desk) -> None:
    # An app that did not acknowledge an event would be sent it again and again.
    said = desk.slack.people.say(MAYAS, desk.slack.channel, "hello")
    assert said["text"] == "hello"


def test_no_token_is_logged(quiet_desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with at_work(quiet_desk):
        quiet_desk.ask()
        quiet_desk.opens(MAYAS, APPROVE)
        quiet_desk.submits(MAYAS)
    assert "approve.disable_access_keys" in caplog.text
    for secret in (quiet_desk.slack.app_token, quiet_desk.slack.bot_token):
        assert secret not in caplog.text

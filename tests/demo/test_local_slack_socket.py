import base64
import http.client
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from demo.slack_apps import App, Json, actions, asked, button, connected, modal, option, request_url, section, web

from prefect_cloudtrail.demo.slack import LocalSlack, local_slack
from prefect_cloudtrail.demo.slack.team import MAYA, OTTO
from prefect_cloudtrail.errors import CloudTrailResponseError

ME = MAYA.user_id
CARD = [
    actions(
        button("go", value="v1.req_1"),
        {"type": "overflow", "action_id": "more", "options": [option("leave"), option("details")]},
    )
]
FORM = modal(
    asked("ack", {"type": "checkboxes", "action_id": "ack", "options": [option("accept")]}),
    asked("reason", {"type": "plain_text_input", "action_id": "why"}, optional=True),
    notify_on_close=True,
    private_metadata="v1.req_1",
)


@pytest.fixture(scope="module")
def slack() -> Iterator[LocalSlack]:
    with local_slack() as running:
        yield running


@pytest.fixture(scope="module")
def wired(slack: LocalSlack) -> Iterator[App]:
    with connected(slack) as app:
        yield app


@pytest.fixture
def app(slack: LocalSlack, wired: App) -> App:
    wired.received.clear()
    wired.ack = lambda _: None
    slack.faults.clear()
    slack.people.wait_for(slack.connections)
    return wired


@pytest.fixture
def ts(slack: LocalSlack, app: App) -> str:
    return str(app.client.chat_postMessage(channel=slack.channel, text="card", blocks=CARD)["ts"])


@pytest.fixture
def form(slack: LocalSlack, app: App) -> Json:
    view: Json = app.client.views_open(trigger_id=slack.workspace.trigger(ME), view=FORM)["view"]
    return view


def shown(slack: LocalSlack) -> Json:
    view = slack.people.view(ME)
    assert view is not None
    return view


def handshake(link: Any) -> Any:
    """Return what the server answers to a client that asks for this socket."""
    address = urlsplit(link)
    asking = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = base64.b64encode(bytes(16)).decode()
    connection = http.client.HTTPConnection(address.netloc, timeout=5)
    try:
        connection.request("GET", f"{address.path}?{address.query}", headers={**asking, "Sec-WebSocket-Key": key})
        with connection.getresponse() as answer:
            return answer.status
    finally:
        connection.close()


# --- clicks -----------------------------------------------------------------------------------------------------------


def test_a_click_reaches_the_app_with_all_that_slack_tells(slack: LocalSlack, app: App, ts: str) -> None:
    assert slack.people.click(ME, slack.channel, ts, "go") is True
    (payload,) = app.payloads("block_actions")
    (action,) = payload["actions"]
    assert (action["value"], action["block_id"], action["type"]) == ("v1.req_1", "decide", "button")
    assert payload["user"] == {"id": ME, "username": "maya", "name": "maya", "team_id": "T0LOCAL0001"}
    assert payload["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": slack.channel,
        "is_ephemeral": False,
    }
    assert payload["channel"] == {"id": slack.channel, "name": "security"}
    assert payload["message"]["ts"] == ts
    assert app.received[0].type == "interactive"


def test_an_option_is_chosen_by_its_value(slack: LocalSlack, app: App, ts: str) -> None:
    slack.people.click(ME, slack.channel, ts, "more", "details")
    (action,) = app.payloads("block_actions")[0]["actions"]
    assert (action["type"], action["selected_option"]["value"]) == ("overflow", "details")
    with pytest.raises(CloudTrailResponseError, match="more has no option 'other'; it has: leave, details"):
        slack.people.click(ME, slack.channel, ts, "more", "other")


def test_a_click_opens_a_dialog_before_who_clicked(slack: LocalSlack, app: App, ts: str) -> None:
    slack.people.click(ME, slack.channel, ts, "go")
    (payload,) = app.payloads("block_actions")
    app.client.views_open(trigger_id=payload["trigger_id"], view=FORM)
    assert shown(slack)["private_metadata"] == "v1.req_1"
    assert slack.people.view(OTTO.user_id) is None
    slack.people.close(ME)


def test_a_click_that_nobody_acknowledges_is_shown_as_lost_until_one_is(
    slack: LocalSlack, ts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefect_cloudtrail.demo.slack.delivery.PATIENCE_SECONDS", 0.2)
    slack.faults.sockets.ignore_acks = True
    assert slack.people.click(ME, slack.channel, ts, "go") is False
    assert slack.workspace.lost(ME) == {(slack.channel, ts, "go")}
    slack.faults.clear()
    monkeypatch.undo()
    assert slack.people.click(ME, slack.channel, ts, "go") is True
    assert slack.workspace.lost(ME) == set()


def test_a_click_while_no_app_is_connected_is_lost_at_once() -> None:
    with local_slack() as slack:
        ts = web(slack).chat_postMessage(channel=slack.channel, text="card", blocks=CARD)["ts"]
        started = time.monotonic()
        assert slack.people.click(ME, slack.channel, ts, "go") is False
        assert time.monotonic() - started < 1


# --- dialogs ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("form")
def test_a_submitted_dialog_closes_and_brings_what_was_entered(slack: LocalSlack, app: App) -> None:
    assert slack.people.fill_and_submit(ME, {"ack": {"ack": ["accept"]}, "reason": {"why": "stolen"}}) is None
    (payload,) = app.payloads("view_submission")
    values = payload["view"]["state"]["values"]
    assert payload["view"]["private_metadata"] == "v1.req_1"
    assert values["ack"]["ack"] == {"type": "checkboxes", "selected_options": [option("accept")]}
    assert values["reason"]["why"] == {"type": "plain_text_input", "value": "stolen"}
    assert slack.people.view(ME) is None


def test_errors_of_the_app_keep_the_dialog_open(slack: LocalSlack, app: App, form: Json) -> None:
    app.ack = lambda _: {"response_action": "errors", "errors": {"reason": "say why"}}
    assert slack.people.fill_and_submit(ME, {"ack": {"ack": ["accept"]}}) == {"reason": "say why"}
    assert shown(slack)["id"] == form["id"]


def test_the_app_may_put_another_dialog_in_its_place(slack: LocalSlack, app: App, form: Json) -> None:
    app.ack = lambda _: {"response_action": "update", "view": modal(section("the plan has changed"))}
    updated = slack.people.submit(ME, {"ack": {"ack": ["accept"]}}).view
    assert updated is not None
    assert updated == shown(slack)
    assert updated["id"] == form["id"]
    assert shown(slack)["blocks"][0]["text"]["text"] == "the plan has changed"


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {"elsewhere": "x"}},
        {"response_action": "update", "view": {"type": "modal"}},
        {"response_action": "explode"},
    ],
)
def test_an_answer_that_slack_does_not_take_is_trouble(slack: LocalSlack, app: App, form: Json, answer: Any) -> None:
    app.ack = lambda _: answer
    with pytest.raises(CloudTrailResponseError, match=r"We had some trouble connecting\. Try again\?"):
        slack.people.fill_and_submit(ME, {"ack": {"ack": ["accept"]}})
    assert shown(slack)["id"] == form["id"]


def test_what_was_entered_stays_where_the_same_input_is_there_again(slack: LocalSlack, app: App, form: Json) -> None:
    app.ack = lambda _: {"response_action": "errors", "errors": {"reason": "say why"}}
    slack.people.fill_and_submit(ME, {"ack": {"ack": ["accept"]}})
    app.client.views_update(view_id=form["id"], view=FORM)
    app.ack = lambda _: None
    assert slack.people.fill_and_submit(ME) is None


def test_a_closed_dialog_is_told_where_the_app_asked(slack: LocalSlack, app: App, form: Json) -> None:
    assert slack.people.close(ME) is True
    assert [each["view"]["id"] for each in app.payloads("view_closed")] == [form["id"]]
    assert slack.people.view(ME) is None


def test_a_message_of_somebody_is_an_event(slack: LocalSlack, app: App) -> None:
    slack.people.say(ME, slack.channel, "is this real?")
    (payload,) = app.payloads("event_callback")
    assert (payload["event"]["text"], payload["event"]["user"]) == ("is this real?", ME)


# --- sockets ----------------------------------------------------------------------------------------------------------


def test_an_envelope_may_come_twice(slack: LocalSlack, app: App, ts: str) -> None:
    slack.faults.sockets.times = 2
    slack.people.click(ME, slack.channel, ts, "go")
    slack.people.wait_for(lambda: len(app.received) == 2)
    assert len({each.envelope_id for each in app.received}) == 1


def test_an_envelope_that_is_not_acknowledged_in_time_comes_again(slack: LocalSlack, app: App, ts: str) -> None:
    slack.faults.sockets.redeliver_after = 0.2
    answers = iter([time.sleep])
    app.ack = lambda _: next(answers, lambda _: None)(0.4)
    assert slack.people.click(ME, slack.channel, ts, "go") is True
    slack.people.wait_for(lambda: len(app.received) == 2)
    assert len({each.envelope_id for each in app.received}) == 1


def test_each_envelope_goes_over_one_of_the_connections(slack: LocalSlack, app: App, ts: str) -> None:
    with connected(slack) as other:
        slack.people.wait_for(lambda: slack.connections() == 2)
        acknowledged = [slack.people.click(ME, slack.channel, ts, "go") for _ in range(4)]
        both = len(app.received), len(other.received)
    assert acknowledged == [True] * 4
    assert both == (2, 2)


def test_a_client_whose_socket_is_dropped_comes_again(slack: LocalSlack, ts: str) -> None:
    opened = slack.faults.calls("link")
    slack.disconnect()
    slack.people.wait_for(lambda: slack.connections() and slack.faults.calls("link") > opened, seconds=30)
    assert slack.people.click(ME, slack.channel, ts, "go") is True


def test_a_client_that_is_asked_to_connect_anew_does(slack: LocalSlack, ts: str) -> None:
    opened = slack.faults.calls("link")
    slack.disconnect(warn=True)
    slack.people.wait_for(lambda: slack.faults.calls("link") > opened, seconds=30)
    # The client connects more than once when it is asked to, and meanwhile a click can be lost.
    assert slack.people.wait_for(lambda: slack.people.click(ME, slack.channel, ts, "go"), seconds=30)


@pytest.mark.usefixtures("app")
def test_sockets_drop_by_the_clock(slack: LocalSlack) -> None:
    opened = slack.faults.calls("link")
    slack.faults.sockets.drop_every = 0.3
    slack.people.wait_for(lambda: slack.faults.calls("link") >= opened + 2, seconds=30)


def test_a_ticket_is_for_one_connection(slack: LocalSlack) -> None:
    link = web(slack).apps_connections_open(app_token=slack.app_token)["url"]
    statuses = [handshake(link) for _ in range(2)]
    assert statuses == [101, 403]


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_with_a_request_url_each_interaction_is_posted_and_signed() -> None:
    with request_url() as app, local_slack(request_url=f"http://127.0.0.1:{app.server_port}/slack") as slack:
        app.secret = slack.signing_secret
        client = web(slack)
        ts = client.chat_postMessage(channel=slack.channel, text="card", blocks=CARD)["ts"]
        assert slack.people.click(ME, slack.channel, ts, "go") is True
        client.views_open(trigger_id=app.payloads[0]["trigger_id"], view=FORM)
        app.answer = {"response_action": "errors", "errors": {"reason": "say why"}}
        assert slack.people.fill_and_submit(ME, {"ack": {"ack": ["accept"]}}) == {"reason": "say why"}
        app.secret = secrets.token_hex(16)
        app.status, app.answer = 401, None
        assert slack.people.click(ME, slack.channel, ts, "go") is False
    assert app.valid == [True, True, False]


def test_a_request_url_where_nobody_answers_loses_the_click() -> None:
    with request_url() as app:
        url = f"http://127.0.0.1:{app.server_port}/slack"
    with local_slack(request_url=url) as slack:
        ts = web(slack).chat_postMessage(channel=slack.channel, text="card", blocks=CARD)["ts"]
        assert slack.people.click(ME, slack.channel, ts, "go") is False
        assert slack.workspace.lost(ME) == {(slack.channel, ts, "go")}

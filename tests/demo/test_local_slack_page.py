import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from demo.slack_apps import actions, button, modal, section, web

from prefect_cloudtrail.demo.slack import LocalSlack, local_slack
from prefect_cloudtrail.demo.slack.team import GENERAL, MAYA, OTTO

ME = MAYA.user_id


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with local_slack() as running:
        yield running


def get(url: Any) -> Any:
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - of this machine
        return answer.read().decode(), answer.headers


def send(slack: LocalSlack, what: Any, given: Any, kind: Any = "application/json") -> Any:
    body = json.dumps(given).encode()
    request = urllib.request.Request(f"{slack.url}/page/{what}", body, {"Content-Type": kind})  # noqa: S310 - the same
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
        return json.load(answer)


def seen(slack: LocalSlack, user: Any = ME) -> Any:
    state = json.loads(get(f"{slack.url}/page/state?as={user}")[0])
    return state, {each["id"]: each for each in state["channels"]}


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing_of_a_message(slack: LocalSlack) -> None:
    page, headers = get(slack.url)
    parts = [get(f"{slack.url}/{name}")[0] for name in ("page.css", "page.js", "draw.js", "dialog.js", "mrkdwn.js")]
    assert "default-src 'none'; script-src 'self'" in headers["Content-Security-Policy"]
    assert all("://" not in each.replace("https?:\\/\\/", "") for each in (page, parts[0]))
    assert not any(
        word in "".join(parts) for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write")
    )


def test_each_person_sees_what_is_theirs(slack: LocalSlack) -> None:
    client = web(slack)
    ts = client.chat_postMessage(channel=slack.channel, text="card", metadata={"event_type": "a", "event_payload": {}})[
        "ts"
    ]
    client.chat_postMessage(channel=slack.channel, text="step", thread_ts=ts)
    client.chat_postEphemeral(channel=slack.channel, user=ME, text="only you")
    direct = client.conversations_open(users=ME)["channel"]["id"]
    _, mine = seen(slack)
    _, his = seen(slack, OTTO.user_id)
    here = mine[slack.channel]
    assert set(mine) == {slack.channel, GENERAL.channel_id, direct}
    assert set(his) == {slack.channel, GENERAL.channel_id}
    assert [each["text"] for each in here["only_you"]] == ["only you"]
    assert his[slack.channel]["only_you"] == []
    assert [each["text"] for each in here["threads"][ts]] == ["step"]
    assert "metadata" not in here["messages"][0]


def test_a_click_on_the_page_that_no_app_hears_shows_the_warning(slack: LocalSlack) -> None:
    ts = web(slack).chat_postMessage(channel=slack.channel, text="x", blocks=[actions(button("go"))])["ts"]
    answer = send(slack, "click", {"user": ME, "channel": slack.channel, "ts": ts, "action_id": "go"})
    assert answer == {"acknowledged": False}
    assert seen(slack)[0]["lost"] == [[slack.channel, ts, "go"]]


def test_a_dialog_is_closed_on_the_page(slack: LocalSlack) -> None:
    web(slack).views_open(trigger_id=slack.workspace.trigger(ME), view=modal(section("sure?")))
    assert seen(slack)[0]["view"]["blocks"][0]["text"]["text"] == "sure?"
    assert send(slack, "close", {"user": ME}) == {"acknowledged": True}
    assert seen(slack)[0]["view"] is None


def test_an_ephemeral_can_be_dismissed(slack: LocalSlack) -> None:
    ts = web(slack).chat_postEphemeral(channel=slack.channel, user=ME, text="only you")["message_ts"]
    send(slack, "dismiss", {"user": ME, "ts": ts})
    assert slack.workspace.ephemerals(ME) == []


@pytest.mark.parametrize(
    ("given", "kind", "status"),
    [({"user": ME}, "text/plain", 415), ({"user": ME}, "application/json", 400), ({}, "application/json", 400)],
)
def test_what_the_page_never_sends_is_refused(slack: LocalSlack, given: Any, kind: Any, status: Any) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        send(slack, "close", given, kind)
    refused.value.close()
    assert refused.value.code == status


def test_somebody_who_is_not_there_sees_nothing(slack: LocalSlack) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        seen(slack, "U0NOBODY")
    refused.value.close()
    assert refused.value.code == 404


def test_the_page_is_told_of_every_change(slack: LocalSlack) -> None:
    with urllib.request.urlopen(f"{slack.url}/page/events", timeout=5) as stream:  # noqa: S310 - of this machine
        first = stream.readline()
        stream.readline()
        web(slack).chat_postMessage(channel=slack.channel, text="x")
        second = stream.readline()
    assert (first, second) == (b"data: 0\n", b"data: 1\n")

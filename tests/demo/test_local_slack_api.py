import http.client
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError

import pytest
from demo.slack_apps import actions, asked, button, modal, section, web
from slack_sdk.errors import SlackApiError

from prefect_cloudtrail.demo.slack import LocalSlack, Refused, Team, local_slack
from prefect_cloudtrail.demo.slack.team import (
    BOT,
    DORA,
    GENERAL,
    GUS,
    LEADS,
    MAYA,
    OTTO,
    RESPONDERS,
    ROSA,
    STEN,
    Person,
)

CLOSED = (http.client.RemoteDisconnected, ConnectionError, URLError)


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with local_slack() as running:
        yield running


@pytest.fixture
def client(slack: LocalSlack) -> Any:
    return web(slack)


def error_of(call: Any, *arguments: object, **named: object) -> Any:
    with pytest.raises(SlackApiError) as refused:
        call(*arguments, **named)
    return refused.value.response


# --- signing in -------------------------------------------------------------------------------------------------------


def test_who_the_token_is_and_what_it_may(client: Any) -> None:
    answer = client.auth_test()
    assert (answer["user_id"], answer["team"]) == (BOT.user_id, "Local")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


@pytest.mark.parametrize(("token", "error"), [("xoxb-other", "invalid_auth"), ("", "not_authed")])
def test_another_token_is_refused(slack: LocalSlack, token: Any, error: Any) -> None:
    client = web(slack, token or " ")
    assert error_of(client.auth_test)["error"] == error


def test_each_token_is_for_its_own_calls(slack: LocalSlack, client: Any) -> None:
    assert error_of(client.apps_connections_open, app_token=slack.bot_token)["error"] == "not_allowed_token_type"
    assert error_of(web(slack, slack.app_token).auth_test)["error"] == "not_allowed_token_type"


def test_a_scope_that_was_not_granted_is_named() -> None:
    with local_slack(Team(scopes=("chat:write",))) as slack:
        answer = error_of(web(slack).usergroups_users_list, usergroup=RESPONDERS.group_id)
    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "usergroups:read", "chat:write")


def test_a_method_that_is_not_there_is_refused(client: Any) -> None:
    assert error_of(client.api_call, "chat.postMesage")["error"] == "unknown_method"


# --- messages ---------------------------------------------------------------------------------------------------------


def test_a_message_is_found_by_its_metadata(slack: LocalSlack, client: Any) -> None:
    metadata = {"event_type": "card", "event_payload": {"outbox_id": "obx_1"}}
    ts = client.chat_postMessage(channel=slack.channel, text="told", metadata=metadata)["ts"]
    (found,) = client.conversations_history(channel=slack.channel, include_all_metadata=True)["messages"]
    (bare,) = client.conversations_history(channel=slack.channel)["messages"]
    assert (found["ts"], found["metadata"], found["user"]) == (ts, metadata, BOT.user_id)
    assert "metadata" not in bare


def test_each_message_has_a_later_ts(slack: LocalSlack, client: Any) -> None:
    stamps = [client.chat_postMessage(channel=slack.channel, text="x")["ts"] for _ in range(20)]
    assert stamps == sorted(set(stamps))


def test_an_update_keeps_the_metadata_and_the_thread(slack: LocalSlack, client: Any) -> None:
    metadata = {"event_type": "card", "event_payload": {"outbox_id": "obx_1"}}
    ts = client.chat_postMessage(channel=slack.channel, text="before", metadata=metadata)["ts"]
    client.chat_postMessage(channel=slack.channel, text="a step", thread_ts=ts)
    client.chat_update(channel=slack.channel, ts=ts, text="after", blocks=[section("after")])
    (message, reply) = client.conversations_replies(channel=slack.channel, ts=ts, include_all_metadata=True)["messages"]
    assert (message["text"], message["metadata"], message["reply_count"]) == ("after", metadata, 1)
    assert (reply["text"], reply["thread_ts"]) == ("a step", ts)


def test_history_is_newest_first_in_pages_between_two_times(slack: LocalSlack, client: Any) -> None:
    stamps = [client.chat_postMessage(channel=slack.channel, text=str(n))["ts"] for n in range(5)]
    first = client.conversations_history(channel=slack.channel, limit=2, oldest=stamps[0])
    second = client.conversations_history(
        channel=slack.channel, limit=2, oldest=stamps[0], cursor=first["response_metadata"]["next_cursor"]
    )
    inclusive = client.conversations_history(channel=slack.channel, oldest=stamps[4], inclusive=True)
    assert [[one["text"] for one in page["messages"]] for page in (first, second)] == [["4", "3"], ["2", "1"]]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert [one["ts"] for one in inclusive["messages"]] == [stamps[4]]


def test_a_reply_to_a_reply_joins_its_thread(slack: LocalSlack, client: Any) -> None:
    root = client.chat_postMessage(channel=slack.channel, text="root")["ts"]
    reply = client.chat_postMessage(channel=slack.channel, text="reply", thread_ts=root)["ts"]
    nested = client.chat_postMessage(channel=slack.channel, text="nested", thread_ts=reply)["message"]
    assert nested["thread_ts"] == root
    assert [each["ts"] for each in slack.workspace.history(slack.channel)] == [root]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NOWHERE", "text": "x"}, "channel_not_found"),
        ({"channel": GENERAL.channel_id, "text": "x"}, "not_in_channel"),
        ({}, "no_text"),
        ({"text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"text": "x", "metadata": {"event_type": "a", "event_payload": "no"}}, "invalid_metadata_format"),
    ],
)
def test_a_post_that_slack_refuses_leaves_nothing(slack: LocalSlack, client: Any, arguments: Any, error: Any) -> None:
    # The client itself warns of some of it before it is sent.
    answer = error_of(client.api_call, "chat.postMessage", json={"channel": slack.channel, **arguments})
    assert answer["error"] == error
    assert slack.workspace.history(slack.channel) == []


def test_blocks_that_slack_refuses_are_pointed_at(slack: LocalSlack, client: Any) -> None:
    answer = error_of(client.chat_postMessage, channel=slack.channel, text="x", blocks=[section("x" * 3_001)])
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]


def test_a_long_text_is_cut_when_posted_and_refused_when_changed(slack: LocalSlack, client: Any) -> None:
    message = client.chat_postMessage(channel=slack.channel, text="x" * 40_001)["message"]
    fits, too_long = "&" * 800, "&" * 801
    client.chat_update(channel=slack.channel, ts=message["ts"], text=fits)
    answer = error_of(client.chat_update, channel=slack.channel, ts=message["ts"], text=too_long)
    assert len(message["text"]) == 40_000
    assert answer["error"] == "msg_too_long"


def test_only_what_the_app_said_can_be_changed(slack: LocalSlack, client: Any) -> None:
    said = slack.people.say(MAYA.user_id, slack.channel, "mine")
    assert error_of(client.chat_update, channel=slack.channel, ts=said["ts"], text="x")["error"] == (
        "cant_update_message"
    )
    assert error_of(client.chat_update, channel=slack.channel, ts="1.000001", text="x")["error"] == "message_not_found"


def test_an_ephemeral_is_seen_by_one_person_and_is_in_no_history(slack: LocalSlack, client: Any) -> None:
    client.chat_postEphemeral(channel=slack.channel, user=OTTO.user_id, text="not on the list")
    assert [each["text"] for each in slack.workspace.ephemerals(OTTO.user_id)] == ["not on the list"]
    assert slack.workspace.ephemerals(MAYA.user_id) == []
    assert client.conversations_history(channel=slack.channel)["messages"] == []


def test_a_direct_message_has_one_channel(slack: LocalSlack, client: Any) -> None:
    first, second = (client.conversations_open(users=ROSA.user_id)["channel"]["id"] for _ in range(2))
    client.chat_postMessage(channel=first, text="was this you?")
    assert first == second
    assert [each["text"] for each in slack.workspace.direct_messages(ROSA.user_id)] == ["was this you?"]
    assert error_of(client.conversations_open, users=DORA.user_id)["error"] == "user_disabled"


def test_a_link_leads_to_a_message(slack: LocalSlack, client: Any) -> None:
    ts = client.chat_postMessage(channel=slack.channel, text="x")["ts"]
    link = client.chat_getPermalink(channel=slack.channel, message_ts=ts)["permalink"]
    assert link == f"{slack.url}/?channel={slack.channel}&ts={ts}"


# --- people -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "key"), [(GUS, "is_restricted"), (DORA, "deleted"), (STEN, "is_stranger"), (BOT, "is_bot")]
)
def test_each_kind_of_person_is_told_apart(client: Any, person: Person, key: Any) -> None:
    assert client.users_info(user=person.user_id)["user"][key] is True
    assert client.users_info(user=MAYA.user_id)["user"][key] is False


def test_people_are_found_by_address_and_groups_by_id(client: Any) -> None:
    groups = client.usergroups_list(include_users=True)["usergroups"]
    assert client.users_lookupByEmail(email=ROSA.email)["user"]["id"] == ROSA.user_id
    assert {each["id"]: each["users"] for each in groups}[LEADS.group_id] == list(LEADS.members)
    assert client.usergroups_users_list(usergroup=RESPONDERS.group_id)["users"] == list(RESPONDERS.members)
    assert error_of(client.users_lookupByEmail, email="who@example.com")["error"] == "users_not_found"
    assert error_of(client.users_info, user="U0NOBODY")["error"] == "user_not_found"
    assert error_of(client.usergroups_users_list, usergroup="S0")["error"] == "no_such_subteam"


def test_an_address_is_told_only_with_its_scope() -> None:
    with local_slack(Team(scopes=("users:read",))) as slack:
        assert "email" not in web(slack).users_info(user=MAYA.user_id)["user"]["profile"]


def test_a_group_can_lose_its_members(slack: LocalSlack, client: Any) -> None:
    slack.workspace.set_group(RESPONDERS.group_id, ())
    assert client.usergroups_users_list(usergroup=RESPONDERS.group_id)["users"] == []


# --- dialogs ----------------------------------------------------------------------------------------------------------


def test_a_dialog_opens_once_for_a_trigger(slack: LocalSlack, client: Any) -> None:
    trigger = slack.workspace.trigger(MAYA.user_id)
    view = client.views_open(trigger_id=trigger, view=modal())["view"]
    assert slack.people.view(MAYA.user_id) == view
    assert slack.people.view(OTTO.user_id) is None
    assert error_of(client.views_open, trigger_id=trigger, view=modal())["error"] == "exchanged_trigger_id"
    assert error_of(client.views_open, trigger_id="1.2.3", view=modal())["error"] == "invalid_trigger_id"


def test_a_trigger_ends() -> None:
    with local_slack(trigger_seconds=0) as slack:
        trigger = slack.workspace.trigger(MAYA.user_id)
        assert error_of(web(slack).views_open, trigger_id=trigger, view=modal())["error"] == "expired_trigger_id"


def test_a_dialog_that_slack_refuses_is_pointed_at(slack: LocalSlack, client: Any) -> None:
    answer = error_of(
        client.views_open,
        trigger_id=slack.workspace.trigger(MAYA.user_id),
        view={**modal(), "title": {"type": "plain_text", "text": "x" * 25}},
    )
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
    ]


def test_an_update_of_a_dialog_that_has_changed_since_is_refused(slack: LocalSlack, client: Any) -> None:
    seen = client.views_open(trigger_id=slack.workspace.trigger(MAYA.user_id), view=modal())["view"]
    client.views_update(view_id=seen["id"], hash=seen["hash"], view=modal(section("second")))
    answer = error_of(client.views_update, view_id=seen["id"], hash=seen["hash"], view=modal(section("third")))
    shown = slack.people.view(MAYA.user_id)
    assert answer["error"] == "hash_conflict"
    assert shown is not None
    assert shown["blocks"][0]["text"]["text"] == "second"


def test_a_closed_dialog_cannot_be_updated(slack: LocalSlack, client: Any) -> None:
    view = client.views_open(trigger_id=slack.workspace.trigger(MAYA.user_id), view=modal())["view"]
    slack.people.close(MAYA.user_id)
    assert error_of(client.views_update, view_id=view["id"], view=modal())["error"] == "not_found"


# --- what may go wrong ------------------------------------------------------------------------------------------------


def test_a_rate_limit_says_when_to_come_again(slack: LocalSlack, client: Any) -> None:
    slack.faults.rate_limited(7, "chat.postMessage", calls=1)
    answer = error_of(client.chat_postMessage, channel=slack.channel, text="x")
    client.chat_postMessage(channel=slack.channel, text="y")
    assert (answer.status_code, answer.headers["Retry-After"], answer["error"]) == (429, "7", "ratelimited")
    assert [each["text"] for each in slack.workspace.history(slack.channel)] == ["y"]


def test_an_ambiguous_post_was_posted(slack: LocalSlack, client: Any) -> None:
    slack.faults.ambiguous("chat.postMessage")
    with pytest.raises(CLOSED):
        client.chat_postMessage(channel=slack.channel, text="x")
    assert [each["text"] for each in slack.workspace.history(slack.channel)] == ["x"]


def test_while_slack_is_down_nothing_is_posted(slack: LocalSlack, client: Any) -> None:
    slack.faults.down("chat.postMessage", calls=1)
    with pytest.raises(CLOSED):
        client.chat_postMessage(channel=slack.channel, text="x")
    slack.faults.down(status=503)
    answer = error_of(client.chat_postMessage, channel=slack.channel, text="x")
    slack.faults.clear()
    assert answer.status_code == 503
    assert client.conversations_history(channel=slack.channel)["messages"] == []


def test_an_error_is_answered_so_often_and_no_more(slack: LocalSlack, client: Any) -> None:
    slack.faults.error("internal_error", "chat.update", calls=2)
    ts = client.chat_postMessage(channel=slack.channel, text="x")["ts"]
    refused = [error_of(client.chat_update, channel=slack.channel, ts=ts, text="y")["error"] for _ in range(2)]
    client.chat_update(channel=slack.channel, ts=ts, text="z")
    assert refused == ["internal_error", "internal_error"]
    assert slack.faults.calls("chat.update") == 3


def test_a_slow_slack_answers_later_than_the_client_waits(slack: LocalSlack, client: Any) -> None:
    slack.faults.slow(1.5, "auth.test")
    client.timeout = 1
    with pytest.raises(TimeoutError):
        client.auth_test()


# --- people of Python -------------------------------------------------------------------------------------------------


def test_a_click_on_what_is_not_there_is_a_mistake_of_the_test(slack: LocalSlack, client: Any) -> None:
    ts = client.chat_postMessage(channel=slack.channel, text="x", blocks=[actions(button("go"))])["ts"]
    with pytest.raises(Exception, match="nothing here has the action id stop; there are: go"):
        slack.people.click(MAYA.user_id, slack.channel, ts, "stop")
    with pytest.raises(Refused, match="message_not_found"):
        slack.people.click(MAYA.user_id, slack.channel, "1.000001", "go")


def test_what_slacks_client_asks_for_never_reaches_the_app(slack: LocalSlack, client: Any) -> None:
    text = {"type": "plain_text_input", "action_id": "why", "min_length": 3, "max_length": 5}
    view = modal(asked("reason", text), asked("note", {"type": "plain_text_input", "action_id": "a"}, optional=True))
    client.views_open(trigger_id=slack.workspace.trigger(MAYA.user_id), view=view)
    answers = [slack.people.fill_and_submit(MAYA.user_id, {"reason": {"why": said}}) for said in ("", "ab", "abcdef")]
    assert answers == [
        {"reason": "Please complete this required field."},
        {"reason": "Must be at least 3 characters long."},
        {"reason": "Must be at most 5 characters long."},
    ]
    assert slack.people.view(MAYA.user_id) is not None

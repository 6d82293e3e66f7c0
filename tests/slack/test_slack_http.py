"""Slack's requests over HTTP: who signed them, when, and whether they came before."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_desk import MAYAS, Desk

from prefect_cloudtrail.demo.slack.delivery import signature
from prefect_cloudtrail.errors import SlackError
from prefect_cloudtrail.slack.message import LISTENER
from prefect_cloudtrail.slack.requests import served

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105 - the one of Slack's own example
JSON = dict[str, Any]


@contextmanager
def serving(desk: Desk, secret: str = SECRET, port: int = 0) -> Iterator[int]:
    with served(desk.listener, secret, desk.store, desk.clock, "127.0.0.1", port) as at:
        yield at


@pytest.fixture
def port(quiet_desk: Desk) -> Iterator[int]:
    with serving(quiet_desk) as found:
        yield found


def posted(
    port: int, body: bytes, headers: JSON, path: str = "/slack/interactions", method: str = "POST"
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def signed(desk: Desk, body: bytes, at: timedelta = timedelta(0)) -> JSON:
    moment = str(int((desk.clock() + at).timestamp()))
    return {
        "X-Slack-Request-Timestamp": moment,
        "X-Slack-Signature": signature(SECRET, moment, body.decode()),
    }


def form(payload: object) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def submission() -> bytes:
    view = {"id": "V1", "hash": "1.2", "callback_id": "expected", "private_metadata": "", "blocks": []}
    state = {"values": {"reason": {"reason": {"value": ""}}}}
    return form({"type": "view_submission", "user": {"id": MAYAS}, "view": {**view, "state": state}})


def test_what_slack_signed_is_acknowledged_with_what_the_dialog_needs(quiet_desk: Desk, port: int) -> None:
    body = submission()
    status, said = posted(port, body, signed(quiet_desk, body))
    assert (status, json.loads(said)) == (
        HTTPStatus.OK,
        {"response_action": "errors", "errors": {"reason": "Say why: it teaches what is usual."}},
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Slack-Signature", ""),
        ("X-Slack-Signature", "v0=0000"),
        ("X-Slack-Signature", "v0=\xe9"),
        ("X-Slack-Request-Timestamp", ""),
        ("X-Slack-Request-Timestamp", "now"),
        ("X-Slack-Request-Timestamp", "9" * 400),
        ("X-Slack-Request-Timestamp", "9" * 5_000),
        ("X-Slack-Request-Timestamp", "-1"),
    ],
)
def test_what_slack_did_not_sign_is_turned_away_without_a_word(
    quiet_desk: Desk, port: int, name: str, value: str
) -> None:
    body = submission()
    assert posted(port, body, {**signed(quiet_desk, body), name: value}) == (HTTPStatus.UNAUTHORIZED, b"")
    assert posted(port, body + b"x", signed(quiet_desk, body)) == (HTTPStatus.UNAUTHORIZED, b"")


@pytest.mark.parametrize(
    ("minutes", "status"), [(-6, 401), (-4.9, 200), (4.9, 200), (6, 401)], ids=["old", "late", "early", "ahead"]
)
def test_a_request_is_taken_for_five_minutes(quiet_desk: Desk, port: int, minutes: float, status: int) -> None:
    body = submission()
    assert posted(port, body, signed(quiet_desk, body, timedelta(minutes=minutes)))[0] == status


def test_the_same_request_again_is_answered_and_not_done_again(quiet_desk: Desk, port: int) -> None:
    quiet_desk.ask()
    body = form(
        {
            "type": "block_actions",
            "user": {"id": "U0OTTO00001"},
            "channel": {"id": quiet_desk.slack.channel},
            "actions": [{"type": "button", "action_id": "ask.again", "value": f"v1.{quiet_desk.incident_id}"}],
        }
    )
    headers = signed(quiet_desk, body)
    assert [posted(port, body, headers)[0] for _ in range(3)] == [200, 200, 200]
    assert quiet_desk.whispered("U0OTTO00001") == "Nothing was done: you are not among those who may decide."
    assert quiet_desk.audited() == ["refused"]


@pytest.mark.parametrize("body", [b"", b"payload=", b"payload=%7B", b"other=1", b"payload=" + b"[" * 100_000, b"\xff"])
def test_what_is_no_interaction_is_a_bad_request(quiet_desk: Desk, port: int, body: bytes) -> None:
    # What is no text cannot be signed as Slack signs.
    status = posted(port, body, signed(quiet_desk, body) if body != b"\xff" else signed(quiet_desk, b""))[0]
    assert status == (HTTPStatus.UNAUTHORIZED if body == b"\xff" else HTTPStatus.BAD_REQUEST)


@pytest.mark.parametrize("payload", [None, 1, "text", [], {}, {"type": "block_actions"}, {"type": ["view_submission"]}])
def test_what_asks_for_nothing_is_acknowledged(quiet_desk: Desk, port: int, payload: object) -> None:
    body = form(payload)
    assert posted(port, body, signed(quiet_desk, body)) == (HTTPStatus.OK, b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/slack/interactions", HTTPStatus.NOT_FOUND),
        ("GET", "/", HTTPStatus.NOT_FOUND),
        ("POST", "/", HTTPStatus.NOT_FOUND),
        ("POST", "/slack/interactions/", HTTPStatus.NOT_FOUND),
    ],
)
def test_there_is_nothing_else(quiet_desk: Desk, port: int, method: str, path: str, status: int) -> None:
    body = submission()
    assert posted(port, body, signed(quiet_desk, body), path, method) == (status, b"")


@pytest.mark.parametrize("length", ["1000001", "99999999999999999999", "-1", "", "many"])
def test_a_body_of_more_than_a_megabyte_or_of_unknown_length_is_not_read(port: int, length: str) -> None:
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert posted(port, b"", {"Content-Length": length}) == (status, b"")


def test_what_is_being_answered_at_the_end_is_answered_first(quiet_desk: Desk) -> None:
    quiet_desk.ask()
    body = form(
        {
            "type": "block_actions",
            "user": {"id": "U0OTTO00001"},
            "channel": {"id": quiet_desk.slack.channel},
            "actions": [{"type": "button", "action_id": "ask.again", "value": f"v1.{quiet_desk.incident_id}"}],
        }
    )
    quiet_desk.slack.faults.slow(3, "users.info")
    with serving(quiet_desk) as at:
        assert posted(at, body, signed(quiet_desk, body))[0] == HTTPStatus.OK
        assert quiet_desk.audited() == []
    assert quiet_desk.audited() == ["refused"]


def test_it_says_that_it_is_there(quiet_desk: Desk, port: int) -> None:
    assert port
    beats = quiet_desk.slack.people.wait_for(lambda: quiet_desk.store.responses.last_beat(LISTENER))
    assert beats == quiet_desk.clock()


def test_a_port_that_is_taken_is_said(quiet_desk: Desk, port: int) -> None:
    with pytest.raises(SlackError) as error, serving(quiet_desk, port=port):
        pass
    assert str(error.value) == (
        f"cannot listen on 127.0.0.1:{port}: [Errno 98] Address already in use; give another --slack-port"
    )

"""Slack is told of each notice once, whatever is lost on the way."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from telling import Telling, telling

from prefect_cloudtrail.notices import Notice, NoticeKind
from prefect_cloudtrail.slack.notices import TOLD_WITHIN, post_notices

POST = "chat.postMessage"
SAID = "Trail org of account 111122223333: <!channel> *stopped* it."


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Telling]:
    with telling(tmp_path, 0) as found:
        yield found


def notice(desk: Telling, *names: str, told_with: str | None = None, ago: timedelta = timedelta(0)) -> None:
    at = desk.clock() - ago
    sentence = "trail org of account 111122223333: <!channel> *stopped* it."
    found = [Notice(name, NoticeKind.STOPPED, "111122223333 org", sentence, at, at, told_with) for name in names]
    with desk.store.lease("detect", "test", 5, desk.clock()) as lease:
        desk.store.end_run(found, at, lease)


def post(desk: Telling) -> list[str]:
    return post_notices(desk.store, desk.client, desk.slack.channel, desk.clock)


def test_each_notice_is_posted_once_letter_for_letter(desk: Telling) -> None:
    notice(desk, "one", "two")
    assert desk.teller().look() == ["one: posted", "two: posted"]
    assert desk.teller().look() == []
    assert [each.replace("\u2060", "") for each in desk.texts] == [SAID.replace("<", "&lt;").replace(">", "&gt;")] * 2


def test_one_that_is_told_with_another_or_is_old_is_not_posted(desk: Telling) -> None:
    notice(desk, "one", told_with="zero")
    notice(desk, "two", ago=TOLD_WITHIN + timedelta(seconds=1))
    assert post(desk) == []


def test_one_whose_answer_was_lost_is_found_and_not_posted_again(desk: Telling) -> None:
    notice(desk, "one", "two")
    desk.slack.faults.ambiguous(POST)
    assert post(desk) == []
    assert post(desk) == []  # not at once
    desk.clock.move(seconds=1)
    assert post(desk) == ["one: was posted before", "two: posted"]
    assert (len(desk.texts), desk.slack.faults.calls(POST)) == (2, 2)


def test_what_slack_refuses_is_tried_again_when_it_says(desk: Telling) -> None:
    notice(desk, "one", "two")
    desk.slack.faults.rate_limited(7, POST)
    assert post(desk) == []
    desk.clock.move(seconds=6)
    assert post(desk) == []
    desk.clock.move(seconds=1)
    assert post(desk) == ["one: posted", "two: posted"]
    assert desk.slack.faults.calls("conversations.history") == 0


def test_another_at_work_is_left_alone(desk: Telling) -> None:
    notice(desk, "one")
    with desk.store.lease("slack notices", "another", 2, desk.clock()):
        assert post(desk) == []
    assert post(desk) == ["one: posted"]

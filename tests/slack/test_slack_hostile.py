"""Whatever others wrote, in whatever kind and state: it is shown as text, cut, pings nobody, and Slack takes it."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading_slack import refused, strange
from told_cases import ANA, ANSWERS, HOSTILE, a_context, a_told, an_incident, hostile, kinds

from prefect_cloudtrail.slack.blocks import LONGEST_SECTION, code, mrkdwn, shown
from prefect_cloudtrail.slack.card import card
from prefect_cloudtrail.slack.message import Told
from prefect_cloudtrail.slack.status import who
from prefect_cloudtrail.slack.thread import replies

KINDS = kinds()
MARKUP = ("<!channel>", "<@U0VICTIM>", "<https://x.example|y>", "`", "```", "*bold*", "_it_", "~no~", ":fire:", "&lt;")
LETTERS = ("&", "<", ">", "\n> ", "\u202e", "\u200b", "\x1b[2J", "|", "alice@example.com", "a" * 700, " ")
PIECES = st.sampled_from((*MARKUP, *LETTERS))
TEXTS = st.lists(PIECES | st.text(max_size=20), max_size=200).map("".join)


def problems(told: Told) -> list[str]:
    messages = (card(told), *replies(told))
    names = [each.name for each in messages]
    assert len(names) == len(set(names))
    return [why for each in messages for why in (*refused(each), *strange(each))]


@pytest.mark.parametrize("name", KINDS)
def test_slack_takes_what_is_said(name: str) -> None:
    assert problems(KINDS[name]) == []


@pytest.mark.parametrize("name", KINDS)
def test_what_others_wrote_shows_as_text(name: str) -> None:
    assert problems(hostile(KINDS[name])) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(KINDS)), TEXTS)
def test_no_text_gets_markup_in_or_passes_a_limit(name: str, text: str) -> None:
    assert problems(hostile(KINDS[name], text)) == []


def test_many_long_answers_are_all_there() -> None:
    answers = tuple(replace(ANSWERS[0], name=f"q{n}", sentences=(f"Answer {n} " + "&" * 5_000,)) for n in range(24))
    told = a_told(context=a_context(an_incident(), answers=answers))
    assert problems(told) == []
    guide = next(each for each in replies(told) if each.name == "guide")
    texts = "".join(each["text"]["text"] for each in guide.blocks)
    assert [f"Answer {n} " in texts for n in range(24)] == [True] * 24


@pytest.mark.parametrize("name", ["slack:channel", "slack:U0> <!channel", "slack:u0ana", "system:<!here>", "`x`"])
def test_nobody_is_mentioned_by_a_name_that_is_no_member_s(name: str) -> None:
    assert not who(name).startswith("<")
    assert "<" not in who(name)


def test_a_member_is_mentioned() -> None:
    assert who(ANA) == "<@U0ANA>"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("*x*", "\u2060*\u2060x\u2060*\u2060"),
        (":fire: at 10:15:00", ":\u2060fire: at 10:15:00"),
        (":100:", ":\u2060100:"),
        ("> quote", "\u2060&gt; quote"),
        ("a\u202eb\n", "a�b�"),
    ],
)
def test_formatting_is_told_apart_from_itself(text: str, made: str) -> None:
    assert shown(text) == made


def test_a_backtick_does_not_end_the_code() -> None:
    assert code("a`b") == "`a\u02cbb`"


@pytest.mark.parametrize("tail", ["&lt;" * 40, "`code " * 40, "<@U0ANA> " * 40, "x" * 200])
@pytest.mark.parametrize("before", range(LONGEST_SECTION - 12, LONGEST_SECTION + 2))
def test_a_cut_tears_nothing(before: int, tail: str) -> None:
    text = str(mrkdwn("y" * (before - 1) + " " + tail)["text"])
    assert len(text) <= LONGEST_SECTION
    assert text.count("<") == text.count(">")
    assert text.count("`") % 2 == 0
    assert text.replace("&lt;", "").count("&") == 0


def test_a_long_text_is_cut() -> None:
    assert len(shown(HOSTILE, 100).replace("\u2060", "").replace("&lt;", "<").replace("&gt;", ">")) <= 110

import json
from pathlib import Path
from typing import Any

import pytest
from demo.slack_apps import actions, asked, button, modal, option, plain, section

from prefect_cloudtrail.demo.slack.limits import refused_blocks, refused_metadata, refused_view

SHARED = Path(__file__).parents[3] / "shared" / "design" / "slack"


def mrkdwn(length: int) -> Any:
    return {"type": "mrkdwn", "text": "x" * length}


def words(length: int) -> Any:
    return plain("x" * length)


def header(length: int) -> Any:
    return {"type": "header", "text": words(length)}


def fields(count: int, length: int = 1) -> Any:
    return {"type": "section", "fields": [mrkdwn(length)] * count}


def context(count: int) -> Any:
    return {"type": "context", "elements": [mrkdwn(1)] * count}


def buttons(count: int) -> Any:
    return actions(*(button(f"b{number}") for number in range(count)))


def menu(kind: Any, count: int, length: int = 1) -> Any:
    options = [{"text": words(1), "value": f"{number}".ljust(length, "x")} for number in range(count)]
    return actions({"type": kind, "action_id": "menu", "options": options})


def described(length: int) -> Any:
    return actions({"type": "overflow", "action_id": "a", "options": [{**option("a"), "description": words(length)}]})


def boxes(count: int) -> Any:
    return asked("i", {"type": "checkboxes", "action_id": "a", "options": [option(str(each)) for each in range(count)]})


def text_input(**beside: object) -> Any:
    return asked("i", {"type": "plain_text_input", "action_id": "a", **beside})


def confirmed(**beside: object) -> Any:
    confirm = {"title": words(1), "text": mrkdwn(1), "confirm": words(1), "deny": words(1), **beside}
    return actions(button("a", confirm=confirm))


LIMITS = {
    "the text of a header": (header, 150, "less than 151 characters", "/0/text/text"),
    "the text of a section": (lambda n: section("x" * n), 3_000, "less than 3001 characters", "/0/text/text"),
    "the fields of a section": (fields, 10, "no more than 10 items", "/0/fields"),
    "the text of a field": (lambda n: fields(1, n), 2_000, "less than 2001 characters", "/0/fields/0/text"),
    "the elements of a context": (context, 10, "no more than 10 items", "/0/elements"),
    "the elements of actions": (buttons, 25, "no more than 25 items", "/0/elements"),
    "a block id": (lambda n: {**section("x"), "block_id": "x" * n}, 255, "less than 256", "/0/block_id"),
    "an action id": (lambda n: actions({**button("a"), "action_id": "x" * n}), 255, "less than 256", "/0/action_id"),
    "the text of a button": (lambda n: actions(button("a", text=words(n))), 75, "less than 76", "/0/text/text"),
    "the value of a button": (lambda n: actions(button("a", value="x" * n)), 2_000, "less than 2001", "/0/value"),
    "the label of a button for those who hear it": (
        lambda n: actions(button("a", accessibility_label="x" * n)),
        75,
        "less than 76",
        "/accessibility_label",
    ),
    "the options of an overflow menu": (lambda n: menu("overflow", n), 5, "no more than 5 items", "/0/options"),
    "the value of an option of it": (lambda n: menu("overflow", 1, n), 75, "less than 76", "/options/0/value"),
    "the description of an option": (described, 75, "less than 76", "/options/0/description/text"),
    "the options of a menu": (lambda n: menu("static_select", n), 100, "no more than 100 items", "/0/options"),
    "the value of an option of a menu": (lambda n: menu("static_select", 1, n), 150, "less than 151", "/0/value"),
    "checkboxes": (boxes, 10, "no more than 10 items", "/element/options"),
    "the label of an input": (lambda n: {**text_input(), "label": words(n)}, 2_000, "less than 2001", "/label/text"),
    "a placeholder": (lambda n: text_input(placeholder=words(n)), 150, "less than 151", "/placeholder/text"),
    "the longest text of an input": (lambda n: text_input(max_length=n), 3_000, "between 1 and 3000", "/max_length"),
    "the title of a question": (lambda n: confirmed(title=words(n)), 100, "less than 101", "/confirm/title/text"),
    "its text": (lambda n: confirmed(text=mrkdwn(n)), 300, "less than 301", "/confirm/text/text"),
    "its buttons": (lambda n: confirmed(deny=words(n)), 30, "less than 31", "/confirm/deny/text"),
}


@pytest.mark.parametrize(("make", "most", "says", "at"), LIMITS.values(), ids=LIMITS)
def test_a_limit_is_kept_on_both_sides(make: Any, most: int, says: Any, at: Any) -> None:
    (refused,) = refused_blocks([make(most + 1)])
    assert refused_blocks([make(most)]) == []
    assert says in refused
    assert refused.endswith(f"{at}]")


@pytest.mark.parametrize(
    ("name", "value", "most"),
    [
        ("title", words, 24),
        ("submit", words, 24),
        ("close", words, 24),
        ("private_metadata", "x".__mul__, 3_000),
        ("callback_id", "x".__mul__, 255),
        ("external_id", "x".__mul__, 255),
        ("blocks", lambda count: [section("x")] * count, 100),
    ],
)
def test_a_limit_of_a_dialog_is_kept_on_both_sides(name: Any, value: Any, most: int) -> None:
    assert refused_view({**modal(), name: value(most)}) == []
    assert len(refused_view({**modal(), name: value(most + 1)})) == 1


def test_a_message_has_at_most_50_blocks() -> None:
    assert refused_blocks([section("x")] * 50) == []
    assert refused_blocks([section("x")] * 51) == ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"]


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("text", "must provide an object"),
        ({"type": "carousel"}, "unsupported type: carousel"),
        ({"type": "section"}, "must define either `text` or `fields`"),
        ({**section("x"), "colour": "red"}, "invalid additional property: colour"),
        ({"type": "header", "text": mrkdwn(1)}, "unsupported type: mrkdwn"),
        (section(""), "must be more than 0 characters"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}, "invalid additional property"),
        ({"type": "context", "elements": []}, "must have at least 1 item"),
        ({"type": "image", "image_url": "https://example.com/a.png"}, "missing required field: alt_text"),
        (actions({"type": "button", "action_id": "a"}), "missing required field: text"),
        (actions(button("a", style="warning")), "must be one of: primary, danger"),
        (actions(button("a"), button("a")), "action_id `a` already exists"),
        (actions({"type": "plain_text_input", "action_id": "a"}), "unsupported type: plain_text_input"),
        (actions({"type": "overflow", "action_id": "a", "options": []}), "must have at least 1 item"),
        (asked("i", button("a")), "unsupported type: button"),
        (asked("i", {"type": "checkboxes", "options": [option("a")], "initial_options": [option("b")]}), "one of the"),
        (text_input(max_length=True), "must provide an integer"),
        ({"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}, "unsupported type: text"),
        (
            {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "dash", "elements": []}]},
            "must be one of: bullet, ordered",
        ),
        (
            {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "user"}]}]},
            "missing required field: user_id",
        ),
    ],
)
def test_what_is_no_block_is_refused_with_its_reason(block: Any, says: Any) -> None:
    assert any(says in each for each in refused_blocks([block]))


def test_two_blocks_of_one_id_are_refused() -> None:
    twice = [{**section("x"), "block_id": "a"}] * 2
    assert refused_blocks(twice) == ["[ERROR] block_id `a` already exists [json-pointer:/blocks/1/block_id]"]


def test_a_dialog_with_an_input_has_something_to_submit() -> None:
    view = modal(text_input())
    del view["submit"]
    assert refused_view(view) == [
        "[ERROR] must provide a submit button where a block is an input [json-pointer:/view/submit]"
    ]


@pytest.mark.parametrize("metadata", ["x", {"event_type": "a"}, {"event_type": "a", "event_payload": "x"}])
def test_metadata_is_a_type_and_a_payload(metadata: Any) -> None:
    assert refused_metadata({"event_type": "a", "event_payload": {"id": 1}}) == []
    assert refused_metadata(metadata)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no worked examples beside the checkout")
def test_the_worked_examples_are_within_the_limits() -> None:
    messages = json.loads((SHARED / "message.json").read_text(encoding="utf-8"))
    views = json.loads((SHARED / "modal.json").read_text(encoding="utf-8"))
    shown = [messages["chat.postMessage"], *messages["chat.update, in this order"], *messages["thread replies"]]
    assert [refused_blocks(each["blocks"]) for each in shown] == [[]] * 9
    assert [refused_view(view) for name, view in views.items() if name != "note"] == [[]] * 3

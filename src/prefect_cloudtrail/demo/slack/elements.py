"""What Slack refuses in the elements that stand in blocks: buttons, menus, inputs, images."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefect_cloudtrail.demo.slack.texts import PLAIN, error, keys, text_object, within

Json = dict[str, Any]
Errors = Iterator[str]

BUTTON_TEXT = ACCESSIBILITY_LABEL = OPTION_TEXT = OPTION_DESCRIPTION = 75
BUTTON_VALUE = 2_000
# The page of option objects says 150 for every kind of option; the older 75 is kept where both can be met.
OVERFLOW_VALUE, OPTION_VALUE = 75, 150
OVERFLOW_OPTIONS, MENU_OPTIONS, BOXES = 5, 100, 10
URL, PLACEHOLDER, INPUT_LENGTH, IDENTIFIER = 3_000, 150, 3_000, 255
CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}

_WHERE = {
    "button": {"section", "actions"},
    "overflow": {"section", "actions"},
    "checkboxes": {"section", "actions", "input"},
    "radio_buttons": {"section", "actions", "input"},
    "static_select": {"section", "actions", "input"},
    "users_select": {"section", "actions", "input"},
    "datepicker": {"section", "actions", "input"},
    "plain_text_input": {"input"},
    "image": {"section", "context"},
}


def refused(element: object, at: str, where: str) -> Errors:
    """Yield why Slack would refuse this element.

    Args:
        element: what was sent.
        at: the JSON pointer at which it lies.
        where: the type of the block that holds it.
    """
    if not isinstance(element, dict):
        yield error("must provide an object", at)
        return
    named = str(element.get("type"))
    if where not in _WHERE.get(named, ()):
        yield error(f"unsupported type: {element.get('type')}", f"{at}/type")
        return
    yield from within(element.get("action_id"), f"{at}/action_id", IDENTIFIER)
    if "confirm" in element:
        yield from _confirm(element["confirm"], f"{at}/confirm")
    if "placeholder" in element:
        yield from text_object(element["placeholder"], f"{at}/placeholder", PLACEHOLDER, PLAIN)
    yield from _CHECKS[named](element, at)


def _keys(element: Json, at: str, known: Mapping[str, type], required: Sequence[str]) -> Errors:
    common: dict[str, type] = {"type": str, "action_id": str, "confirm": dict, "focus_on_load": bool}
    yield from keys(element, at, {**common, **known}, required)


def _button(element: Json, at: str) -> Errors:
    known = {"text": dict, "value": str, "url": str, "style": str, "accessibility_label": str}
    yield from _keys(element, at, known, ("text",))
    yield from text_object(element.get("text"), f"{at}/text", BUTTON_TEXT, PLAIN)
    yield from within(element.get("value"), f"{at}/value", BUTTON_VALUE, least=0)
    yield from within(element.get("url"), f"{at}/url", URL)
    yield from within(element.get("accessibility_label"), f"{at}/accessibility_label", ACCESSIBILITY_LABEL)
    if "style" in element and element["style"] not in {"primary", "danger"}:
        yield error("must be one of: primary, danger", f"{at}/style")


def _overflow(element: Json, at: str) -> Errors:
    yield from _keys(element, at, {"options": list}, ("options",))
    yield from _options(element.get("options"), f"{at}/options", OVERFLOW_OPTIONS, OVERFLOW_VALUE, linked=True)


def _boxes(element: Json, at: str) -> Errors:
    known = {"options": list, "initial_options": list, "initial_option": dict}
    yield from _keys(element, at, known, ("options",))
    yield from _options(element.get("options"), f"{at}/options", BOXES, OPTION_VALUE, marked=True)
    yield from _initial(element, at)


def _static_select(element: Json, at: str) -> Errors:
    known = {"options": list, "initial_option": dict, "placeholder": dict}
    yield from _keys(element, at, known, ("options",))
    yield from _options(element.get("options"), f"{at}/options", MENU_OPTIONS, OPTION_VALUE)
    yield from _initial(element, at)


def _users_select(element: Json, at: str) -> Errors:
    yield from _keys(element, at, {"initial_user": str, "placeholder": dict}, ())


def _datepicker(element: Json, at: str) -> Errors:
    yield from _keys(element, at, {"initial_date": str, "placeholder": dict}, ())


def _plain_text_input(element: Json, at: str) -> Errors:
    known = {
        "initial_value": str,
        "multiline": bool,
        "min_length": int,
        "max_length": int,
        "placeholder": dict,
        "dispatch_action_config": dict,
    }
    yield from _keys(element, at, known, ())
    for name, least in (("min_length", 0), ("max_length", 1)):
        length = element.get(name)
        if isinstance(length, int) and not least <= length <= INPUT_LENGTH:
            yield error(f"must be between {least} and {INPUT_LENGTH}", f"{at}/{name}")
    yield from within(element.get("initial_value"), f"{at}/initial_value", INPUT_LENGTH, least=0)


def _image(element: Json, at: str) -> Errors:
    yield from keys(element, at, {"type": str, "image_url": str, "alt_text": str}, ("image_url", "alt_text"))
    yield from within(element.get("image_url"), f"{at}/image_url", URL)


def _initial(element: Json, at: str) -> Errors:
    options = element.get("options")
    chosen = [("initial_options", each) for each in element.get("initial_options") or ()]
    if "initial_option" in element:
        chosen.append(("initial_option", element["initial_option"]))
    for name, option in chosen:
        if not isinstance(options, list) or option not in options:
            yield error("must be one of the options", f"{at}/{name}")


def _options(
    options: object, at: str, most: int, longest: int, *, linked: bool = False, marked: bool = False
) -> Errors:
    if not isinstance(options, list):
        return
    if not options:
        yield error("must have at least 1 item", at)
    if len(options) > most:
        yield error(f"no more than {most} items allowed", at)
    known = {"text": dict, "value": str, "description": dict, **({"url": str} if linked else {})}
    kind = None if marked else PLAIN
    for number, option in enumerate(options):
        here = f"{at}/{number}"
        if not isinstance(option, dict):
            yield error("must provide an object", here)
            continue
        yield from keys(option, here, known, ("text", "value"))
        yield from text_object(option.get("text"), f"{here}/text", OPTION_TEXT, kind)
        yield from within(option.get("value"), f"{here}/value", longest)
        yield from within(option.get("url"), f"{here}/url", URL)
        if "description" in option:
            yield from text_object(option["description"], f"{here}/description", OPTION_DESCRIPTION, kind)


def _confirm(confirm: object, at: str) -> Errors:
    if not isinstance(confirm, dict):
        yield error("must provide an object", at)
        return
    yield from keys(confirm, at, {**dict.fromkeys(CONFIRM, dict), "style": str}, ("title", "text", "confirm", "deny"))
    for name, most in CONFIRM.items():
        if name in confirm:
            yield from text_object(confirm[name], f"{at}/{name}", most, None if name == "text" else PLAIN)


_CHECKS = {
    "button": _button,
    "overflow": _overflow,
    "checkboxes": _boxes,
    "radio_buttons": _boxes,
    "static_select": _static_select,
    "users_select": _users_select,
    "datepicker": _datepicker,
    "plain_text_input": _plain_text_input,
    "image": _image,
}

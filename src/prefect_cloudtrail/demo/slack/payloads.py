"""What Slack sends to an app when somebody clicks, submits, closes or writes; and what it checks before it does."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prefect_cloudtrail.demo.slack.team import APP, DOMAIN, TEAM
from prefect_cloudtrail.errors import CloudTrailResponseError

Json = dict[str, Any]

REQUIRED = "Please complete this required field."
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def block_actions(user: Json, trigger_id: str, where: Json, action: Json) -> Json:
    """Return the payload of a click.

    Args:
        user: the user object of who clicked.
        trigger_id: what may be exchanged for a dialog.
        where: `container`, and what stands beside it: `message` and `channel`, or `view`.
        action: what was clicked, of `action_of`.
    """
    return {
        "type": "block_actions",
        **_common(user),
        "trigger_id": trigger_id,
        "state": {"values": {}},
        **where,
        "actions": [action],
    }


def in_message(channel: Json, message: Json, response_url: str) -> Json:
    """Return where a click happened: a message, ephemeral or not."""
    ephemeral = bool(message.get("is_ephemeral"))
    container = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": channel["id"],
        "is_ephemeral": ephemeral,
    }
    if "thread_ts" in message:
        container["thread_ts"] = message["thread_ts"]
    shown = {name: value for name, value in message.items() if name not in {"to", "channel", "is_ephemeral"}}
    named = {"id": channel["id"], "name": channel.get("name", "directmessage")}
    # Slack tells no app what an ephemeral message said.
    beside = {} if ephemeral else {"message": shown}
    return {"container": container, "channel": named, **beside, "response_url": response_url}


def in_view(view: Json) -> Json:
    """Return where a click happened: a dialog."""
    return {"container": {"type": "view", "view_id": view["id"]}, "view": view, "state": view["state"]}


def view_submission(user: Json, trigger_id: str, view: Json) -> Json:
    """Return the payload of a submitted dialog, whose `state` is filled."""
    return {"type": "view_submission", **_common(user), "trigger_id": trigger_id, "view": view, "response_urls": []}


def view_closed(user: Json, view: Json) -> Json:
    """Return the payload of a dialog that was closed without submitting."""
    return {"type": "view_closed", **_common(user), "view": view, "is_cleared": False}


def message_event(message: Json) -> Json:
    """Return the payload of somebody's message, as the Events API has it."""
    direct = message["channel"].startswith("D")
    return {
        "type": "event_callback",
        "token": "local",
        "team_id": TEAM,
        "api_app_id": APP,
        "event": {**message, "channel_type": "im" if direct else "channel", "event_ts": message["ts"]},
        "event_id": f"Ev{secrets.token_hex(6).upper()}",
        "event_time": int(float(message["ts"])),
        "authorizations": [{"enterprise_id": None, "team_id": TEAM, "is_bot": True, "is_enterprise_install": False}],
    }


def action_of(holder: Json, action_id: str, value: object, ts: str) -> Json:
    """Return what was done to an element, as it stands in `actions`.

    Args:
        holder: the message, or the view.
        action_id: of the element.
        value: the value chosen, or the values; nothing for a button.
        ts: when.

    Raises:
        CloudTrailResponseError: there is no such element, or it has no such option.
    """
    for block in holder.get("blocks", ()):
        for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
            if isinstance(element, dict) and element.get("action_id") == action_id:
                named = {"type": element["type"], "action_id": action_id, "block_id": block["block_id"]}
                kept = {name: element[name] for name in ("text", "value", "style") if name in element}
                if element["type"] == "button" and value not in {None, element.get("value")}:
                    raise CloudTrailResponseError(f"the button {action_id} has the value {element.get('value')!r}")
                chosen = kept if element["type"] == "button" else _chosen(element, value)
                return {**named, **chosen, "action_ts": ts}
    there = ", ".join(sorted(_action_ids(holder))) or "none"
    raise CloudTrailResponseError(f"nothing here has the action id {action_id}; there are: {there}")


def entered(view: Json, filled: Mapping[str, Mapping[str, object]]) -> tuple[Json, dict[str, str]]:
    """Return what a dialog holds once somebody has filled it in, and what Slack's client says against it.

    Args:
        view: the dialog.
        filled: block id -> action id -> text, option value, option values, date or user id; what is not named stays
            as it was or as the dialog proposes it.

    Returns:
        `state.values`, and the errors by block id: where there are any, nothing is sent.

    Raises:
        CloudTrailResponseError: the dialog has no such input, or it has no such option.
    """
    inputs = {each["block_id"]: each for each in view["blocks"] if each["type"] == "input"}
    if unknown := set(filled) - set(inputs):
        raise CloudTrailResponseError(f"the dialog has no input {', '.join(sorted(unknown))}; it has {sorted(inputs)}")
    state: Json = {}
    errors: dict[str, str] = {}
    for block_id, block in inputs.items():
        element = block["element"]
        action_id = element["action_id"]
        if unknown := set(filled.get(block_id, ())) - {action_id}:
            raise CloudTrailResponseError(f"{block_id} has no {', '.join(sorted(unknown))}; it has {action_id}")
        if action_id in filled.get(block_id, ()):
            now = _chosen(element, filled[block_id][action_id])
        else:
            now = view["state"]["values"].get(block_id, {}).get(action_id) or _initial(element)
        now = {"type": element["type"], **now}
        state[block_id] = {action_id: now}
        if wrong := _wrong(element, now, optional=bool(block.get("optional"))):
            errors[block_id] = wrong
    return state, errors


def _wrong(element: Json, now: Json, *, optional: bool) -> str | None:
    content = next((value for name, value in now.items() if name != "type"), None)
    if not content:
        return None if optional else REQUIRED
    if element["type"] == "plain_text_input":
        least, most = element.get("min_length", 0), element.get("max_length", 3_000)
        if len(str(content)) < least:
            return f"Must be at least {least} characters long."
        if len(str(content)) > most:
            return f"Must be at most {most} characters long."
    return None


def _initial(element: Json) -> Json:
    proposed = {
        "plain_text_input": ("value", "initial_value"),
        "checkboxes": ("selected_options", "initial_options"),
        "radio_buttons": ("selected_option", "initial_option"),
        "static_select": ("selected_option", "initial_option"),
        "users_select": ("selected_user", "initial_user"),
        "datepicker": ("selected_date", "initial_date"),
    }
    name, initial = proposed[element["type"]]
    return {name: element.get(initial, [] if name == "selected_options" else None)}


def _chosen(element: Json, value: object) -> Json:
    choose: dict[str, Callable[[], Json]] = {
        # An empty field is null to an app.
        "plain_text_input": lambda: {"value": str(value) if value else None},
        "checkboxes": lambda: {"selected_options": [_option(element, each) for each in _several(value)]},
        "radio_buttons": lambda: {"selected_option": _option(element, value) if value else None},
        "static_select": lambda: {"selected_option": _option(element, value) if value else None},
        "overflow": lambda: {"selected_option": _option(element, value)},
        "users_select": lambda: {"selected_user": value or None},
        "datepicker": lambda: {"selected_date": _date(value)},
    }
    return choose[element["type"]]()


def _several(value: object) -> list[object]:
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return [value] if value else []


def _date(value: object) -> str | None:
    if value and not _DATE.fullmatch(str(value)):
        raise CloudTrailResponseError(f"{value!r} is no date: write YYYY-MM-DD")
    return str(value) if value else None


def _option(element: Json, value: object) -> Json:
    for each in element["options"]:
        if each["value"] == value:
            return dict(each)
    there = ", ".join(each["value"] for each in element["options"])
    raise CloudTrailResponseError(f"{element['action_id']} has no option {value!r}; it has: {there}")


def _action_ids(holder: Json) -> Iterator[str]:
    for block in holder.get("blocks", ()):
        for element in (*block.get("elements", ()), block.get("accessory"), block.get("element")):
            if isinstance(element, dict) and "action_id" in element:
                yield element["action_id"]


def _common(user: Json) -> Json:
    return {
        "user": {"id": user["id"], "username": user["name"], "name": user["name"], "team_id": user["team_id"]},
        "team": {"id": TEAM, "domain": DOMAIN},
        "api_app_id": APP,
        "token": "local",
        "enterprise": None,
        "is_enterprise_install": False,
    }

"""What Slack sends when somebody clicks or submits, read out of whatever shape it has. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 3_000


@dataclass(frozen=True)
class Click:
    """Somebody clicked a button, or chose from a menu.

    Attributes:
        user: who, `U...`.
        action: the button's action id; of a menu the part of the option's value before the first dot.
        subject: what it stands for: `req_...`, `inc_...` or `dec_...`.
        trigger: with which a dialog may be opened, for 3 seconds.
        channel: where it was clicked.
        thread: of which message, so that an answer stands beside it.
        key: by which the same click is known again.
    """

    user: str
    action: str
    subject: str
    trigger: str
    channel: str
    thread: str | None
    key: str


@dataclass(frozen=True)
class Submission:
    """Somebody submitted a dialog.

    Attributes:
        user: who, `U...`.
        kind: the dialog's callback id.
        view_id: the dialog.
        carried: what it carries.
        values: what was filled in.
        asks_tick: whether it showed a tick that must be set.
        key: by which the same submission is known again.
    """

    user: str
    kind: str
    view_id: str
    carried: str
    values: object
    asks_tick: bool
    key: str


def read(payload: object) -> Click | Submission | None:
    """Return what somebody did; None where it is nothing that this app asks for."""
    found = _mapping(payload)
    if found.get("type") == "block_actions":
        return _click(found)
    return _submission(found) if found.get("type") == "view_submission" else None


def _click(payload: Mapping[str, Any]) -> Click | None:
    actions = payload.get("actions")
    first = _mapping(actions[0]) if isinstance(actions, list) and actions else {}
    action, value = _text(first.get("action_id")), _text(first.get("value"))
    if first.get("type") == "overflow":
        chosen = _text(_mapping(first.get("selected_option")).get("value"))
        action, _, subject = chosen.partition(".")
    else:
        version, _, subject = value.partition(".")
        if version != "v1":
            return None
    user, trigger = _text(_mapping(payload.get("user")).get("id")), _text(payload.get("trigger_id"))
    if not (user and action and subject):
        return None
    message, container = _mapping(payload.get("message")), _mapping(payload.get("container"))
    channel = _text(_mapping(payload.get("channel")).get("id")) or _text(container.get("channel_id"))
    thread = _text(message.get("thread_ts")) or None
    key = trigger or f"{user} {action} {subject} {_text(first.get('action_ts'))}"
    return Click(user, action, subject, trigger, channel, thread, key)


def _submission(payload: Mapping[str, Any]) -> Submission | None:
    view = _mapping(payload.get("view"))
    user, view_id = _text(_mapping(payload.get("user")).get("id")), _text(view.get("id"))
    if not (user and view_id):
        return None
    blocks = view.get("blocks")
    named = {_mapping(each).get("block_id") for each in blocks} if isinstance(blocks, list) else set()
    return Submission(
        user=user,
        kind=_text(view.get("callback_id")),
        view_id=view_id,
        carried=_text(view.get("private_metadata")),
        values=_mapping(view.get("state")).get("values"),
        asks_tick="ack_outage" in named,
        key=f"{view_id} {_text(view.get('hash'))}",
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= LONGEST else ""

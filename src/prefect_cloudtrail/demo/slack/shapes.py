"""The shapes of what a workspace keeps: messages and views as Slack gives them back, and its refusal of others."""

import secrets
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from prefect_cloudtrail.demo.slack.limits import refused_blocks, refused_metadata, refused_view
from prefect_cloudtrail.demo.slack.team import APP, BOT, BOT_ID, TEAM

Json = dict[str, Any]


class Refused(Exception):  # noqa: N818 - as Slack answers
    """Slack's answer to a call that it does not carry out: `error`, and what stands beside it."""

    def __init__(self, error: str, messages: Sequence[str] = (), **beside: str) -> None:
        super().__init__(error)
        self.error = error
        self.answer: Json = {"ok": False, "error": error, **beside}
        if messages:
            self.answer["response_metadata"] = {"messages": list(messages)}


def message(user: str, text: str, blocks: list[Json] | None, ts: str) -> Json:
    """Return a message as it is kept."""
    made: Json = {"type": "message", "user": user, "team": TEAM, "text": text, "ts": ts}
    if user == BOT.user_id:
        made |= {"bot_id": BOT_ID, "app_id": APP}
    if blocks:
        made["blocks"] = identified(blocks)
    return made


def view(given: Any, view_id: str, view_hash: str, state: Json | None = None) -> Json:  # noqa: ANN401 - whatever was sent
    """Return a modal as it is kept.

    Args:
        given: what the app sent.
        view_id: its id.
        view_hash: of this version of it.
        state: what was entered into the version before: it stays where the same input is there again.

    Raises:
        Refused: invalid_arguments.
    """
    if reasons := refused_view(given):
        raise Refused("invalid_arguments", reasons)
    made: Json = deepcopy(given)
    made["blocks"] = identified(made["blocks"])
    entered = (state or {}).get("values", {})
    kept = {name: value for name, value in entered.items() if _has_input(made, name, value)}
    return {
        "submit": None,
        "close": None,
        "private_metadata": "",
        "callback_id": "",
        "external_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        **made,
        "id": view_id,
        "root_view_id": view_id,
        "previous_view_id": None,
        "team_id": TEAM,
        "app_id": APP,
        "app_installed_team_id": TEAM,
        "bot_id": BOT_ID,
        "hash": view_hash,
        "state": {"values": kept},
    }


def check(blocks: object, metadata: object) -> None:
    """Raise `Refused` where Slack takes such blocks, or such metadata, in no message."""
    if blocks is not None and (reasons := refused_blocks(blocks)):
        raise Refused("invalid_blocks", reasons)
    if metadata is not None and (reasons := refused_metadata(metadata)):
        raise Refused("invalid_metadata_format", reasons)


def escaped(text: str) -> str:
    """Return a text as Slack keeps it."""
    # chat.update counts what is kept: angle brackets and ampersands as entities.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _has_input(made: Json, block_id: str, entered: Json) -> bool:
    return any(
        each.get("block_id") == block_id and each["element"].get("action_id") in entered
        for each in made["blocks"]
        if each["type"] == "input"
    )


def identified(blocks: list[Json]) -> list[Json]:
    """Return the blocks with the ids that Slack gives to those that have none."""
    made = deepcopy(blocks)
    for block in made:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        inside = [*block.get("elements", ()), block.get("accessory"), block.get("element")]
        for element in inside:
            if block["type"] in {"actions", "section", "input"} and element and element["type"] != "image":
                element.setdefault("action_id", secrets.token_urlsafe(4))
    return made

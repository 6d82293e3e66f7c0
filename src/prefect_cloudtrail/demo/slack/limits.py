"""What Slack refuses in blocks, views and metadata, said as Slack says it: an error with a pointer to where.

Source: docs.slack.dev/reference/block-kit and /reference/views/modal-views, and the validators of slack-sdk's models.
Only what the local Slack can draw is known here; Slack knows more kinds of blocks.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefect_cloudtrail.demo.slack import elements
from prefect_cloudtrail.demo.slack.texts import PLAIN, error, keys, text_object, within
from prefect_cloudtrail.demo.slack.writing import rich_text

Json = dict[str, Any]
Errors = Iterator[str]

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
# Longer text is cut by Slack when it is posted, and refused when a message is changed.
POSTED_TEXT, CHANGED_TEXT = 40_000, 4_000
HEADER, SECTION, FIELD, FIELDS = 150, 3_000, 2_000, 10
CONTEXT, ACTIONS = 10, 25
LABEL = 2_000
IMAGE_URL, ALT_TEXT = 3_000, 2_000
IDENTIFIER = 255
VIEW_TITLE = VIEW_BUTTON = 24
PRIVATE_METADATA = 3_000
EVENT_TYPE = 255

_VIEW_KEYS = {
    "type": str,
    "title": dict,
    "blocks": list,
    "submit": dict,
    "close": dict,
    "private_metadata": str,
    "callback_id": str,
    "external_id": str,
    "clear_on_close": bool,
    "notify_on_close": bool,
    "submit_disabled": bool,
}


def refused_blocks(blocks: object, most: int = MESSAGE_BLOCKS, at: str = "/blocks") -> list[str]:
    """Return every reason why Slack would refuse these blocks; empty where it takes them.

    Args:
        blocks: what was sent as `blocks`.
        most: how many blocks there may be: 50 in a message, 100 in a view.
        at: the JSON pointer at which they lie.
    """
    if not isinstance(blocks, list):
        return [error("must provide an array", at)]
    found = [error(f"no more than {most} items allowed", at)] if len(blocks) > most else []
    known: set[str] = set()
    for number, block in enumerate(blocks):
        here = f"{at}/{number}"
        found.extend(_block(block, here))
        name = block.get("block_id") if isinstance(block, dict) else None
        if isinstance(name, str) and name in known:
            found.append(error(f"block_id `{name}` already exists", f"{here}/block_id"))
        known.add(str(name))
    return found


def refused_view(view: object) -> list[str]:
    """Return every reason why Slack would refuse this modal; empty where it takes it."""
    return list(_view(view))


def refused_metadata(metadata: object) -> list[str]:
    """Return every reason why Slack would refuse this metadata of a message; empty where it takes it."""
    return list(_metadata(metadata))


def _view(view: object) -> Errors:
    if not isinstance(view, dict):
        yield error("must provide an object", "/view")
        return
    if view.get("type") != "modal":
        yield error(f"unsupported type: {view.get('type')}", "/view/type")
        return
    yield from keys(view, "/view", _VIEW_KEYS, ("title", "blocks"))
    for name, most in (("title", VIEW_TITLE), ("submit", VIEW_BUTTON), ("close", VIEW_BUTTON)):
        if name in view:
            yield from text_object(view[name], f"/view/{name}", most, PLAIN)
    for name, most in (
        ("private_metadata", PRIVATE_METADATA),
        ("callback_id", IDENTIFIER),
        ("external_id", IDENTIFIER),
    ):
        yield from within(view.get(name), f"/view/{name}", most, least=0)
    blocks = view.get("blocks")
    yield from refused_blocks(blocks, VIEW_BLOCKS, "/view/blocks")
    inputs = [each for each in blocks if isinstance(each, dict) and each.get("type") == "input"] if blocks else []
    if inputs and "submit" not in view:
        yield error("must provide a submit button where a block is an input", "/view/submit")


def _metadata(metadata: object) -> Errors:
    if not isinstance(metadata, dict):
        yield error("must provide an object", "/metadata")
        return
    yield from keys(metadata, "/metadata", {"event_type": str, "event_payload": dict}, ("event_type", "event_payload"))
    yield from within(metadata.get("event_type"), "/metadata/event_type", EVENT_TYPE)


def _block(block: object, at: str) -> Errors:
    if not isinstance(block, dict):
        yield error("must provide an object", at)
        return
    check = _BLOCKS.get(str(block.get("type")))
    if check is None:
        yield error(f"unsupported type: {block.get('type')}", f"{at}/type")
        return
    yield from within(block.get("block_id"), f"{at}/block_id", IDENTIFIER)
    yield from check(block, at)


def _keys(block: Json, at: str, known: Mapping[str, type], required: Sequence[str]) -> Errors:
    yield from keys(block, at, {"type": str, "block_id": str, **known}, required)


def _header(block: Json, at: str) -> Errors:
    yield from _keys(block, at, {"text": dict}, ("text",))
    yield from text_object(block.get("text"), f"{at}/text", HEADER, PLAIN)


def _section(block: Json, at: str) -> Errors:
    yield from _keys(block, at, {"text": dict, "fields": list, "accessory": dict, "expand": bool}, ())
    if not {"text", "fields"} & set(block):
        yield error("must define either `text` or `fields`", at)
    if "text" in block:
        yield from text_object(block["text"], f"{at}/text", SECTION)
    fields = block.get("fields")
    if isinstance(fields, list):
        yield from _count(fields, f"{at}/fields", FIELDS)
        for number, field in enumerate(fields):
            yield from text_object(field, f"{at}/fields/{number}", FIELD)
    if "accessory" in block:
        yield from elements.refused(block["accessory"], f"{at}/accessory", "section")


def _divider(block: Json, at: str) -> Errors:
    yield from _keys(block, at, {}, ())


def _image(block: Json, at: str) -> Errors:
    yield from _keys(block, at, {"image_url": str, "alt_text": str, "title": dict}, ("image_url", "alt_text"))
    yield from within(block.get("image_url"), f"{at}/image_url", IMAGE_URL)
    yield from within(block.get("alt_text"), f"{at}/alt_text", ALT_TEXT)
    if "title" in block:
        yield from text_object(block["title"], f"{at}/title", LABEL, PLAIN)


def _context(block: Json, at: str) -> Errors:
    yield from _keys(block, at, {"elements": list}, ("elements",))
    parts = block.get("elements")
    if not isinstance(parts, list):
        return
    yield from _count(parts, f"{at}/elements", CONTEXT)
    for number, part in enumerate(parts):
        if isinstance(part, dict) and part.get("type") == "image":
            yield from elements.refused(part, f"{at}/elements/{number}", "context")
        else:
            yield from text_object(part, f"{at}/elements/{number}", SECTION)


def _actions(block: Json, at: str) -> Errors:
    yield from _keys(block, at, {"elements": list}, ("elements",))
    parts = block.get("elements")
    if not isinstance(parts, list):
        return
    yield from _count(parts, f"{at}/elements", ACTIONS)
    known: set[str] = set()
    for number, part in enumerate(parts):
        yield from elements.refused(part, f"{at}/elements/{number}", "actions")
        name = part.get("action_id") if isinstance(part, dict) else None
        if isinstance(name, str) and name in known:
            yield error(f"action_id `{name}` already exists", f"{at}/elements/{number}/action_id")
        known.add(str(name))


def _input(block: Json, at: str) -> Errors:
    known = {"label": dict, "element": dict, "hint": dict, "optional": bool, "dispatch_action": bool}
    yield from _keys(block, at, known, ("label", "element"))
    yield from text_object(block.get("label"), f"{at}/label", LABEL, PLAIN)
    if "hint" in block:
        yield from text_object(block["hint"], f"{at}/hint", LABEL, PLAIN)
    yield from elements.refused(block.get("element"), f"{at}/element", "input")


def _rich_text(block: Json, at: str) -> Errors:
    yield from _keys(block, at, {"elements": list}, ("elements",))
    yield from rich_text(block.get("elements"), f"{at}/elements")


def _count(parts: Sequence[object], at: str, most: int) -> Errors:
    if not parts:
        yield error("must have at least 1 item", at)
    if len(parts) > most:
        yield error(f"no more than {most} items allowed", at)


_BLOCKS = {
    "actions": _actions,
    "context": _context,
    "divider": _divider,
    "header": _header,
    "image": _image,
    "input": _input,
    "rich_text": _rich_text,
    "section": _section,
}

"""What Slack refuses in rich text: sections, lists, preformatted text and quotes, and what stands in them."""

from collections.abc import Iterator

from prefect_cloudtrail.demo.slack.texts import error, keys

# What stands in a line: its keys, and which of them must be there.
_INLINE: dict[str, tuple[dict[str, type], tuple[str, ...]]] = {
    "text": ({"text": str}, ("text",)),
    "link": ({"url": str, "text": str, "unsafe": bool}, ("url",)),
    "user": ({"user_id": str}, ("user_id",)),
    "usergroup": ({"usergroup_id": str}, ("usergroup_id",)),
    "channel": ({"channel_id": str}, ("channel_id",)),
    "emoji": ({"name": str, "unicode": str, "skin_tone": int}, ("name",)),
    "date": ({"timestamp": int, "format": str, "fallback": str, "url": str}, ("timestamp", "format")),
    "broadcast": ({"range": str}, ("range",)),
}
_STYLES = {"bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"}
_PARTS: dict[str, dict[str, type]] = {
    "rich_text_section": {},
    "rich_text_preformatted": {"border": int, "language": str},
    "rich_text_quote": {"border": int},
    "rich_text_list": {"style": str, "indent": int, "offset": int, "border": int},
}
DEEPEST_INDENT = 8


def rich_text(parts: object, at: str) -> Iterator[str]:
    """Yield why Slack would refuse the elements of a rich text block.

    Args:
        parts: what was sent as `elements`.
        at: the JSON pointer at which they lie.
    """
    if not isinstance(parts, list):
        return
    if not parts:
        yield error("must have at least 1 item", at)
    for number, part in enumerate(parts):
        here = f"{at}/{number}"
        named = str(part.get("type")) if isinstance(part, dict) else ""
        if named not in _PARTS:
            yield error(f"unsupported type: {named}", f"{here}/type")
            continue
        yield from keys(part, here, {"type": str, "elements": list, **_PARTS[named]}, ("elements",))
        if named == "rich_text_list":
            yield from _list(part, here)
        else:
            yield from _line(part.get("elements"), f"{here}/elements")


def _list(part: dict[str, object], at: str) -> Iterator[str]:
    if part.get("style") not in {"bullet", "ordered"}:
        yield error("must be one of: bullet, ordered", f"{at}/style")
    indent = part.get("indent", 0)
    if isinstance(indent, int) and not 0 <= indent <= DEEPEST_INDENT:
        yield error(f"must be between 0 and {DEEPEST_INDENT}", f"{at}/indent")
    items = part.get("elements")
    for number, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, dict) or item.get("type") != "rich_text_section":
            yield error("must be a rich_text_section", f"{at}/elements/{number}")
            continue
        yield from keys(item, f"{at}/elements/{number}", {"type": str, "elements": list}, ("elements",))
        yield from _line(item.get("elements"), f"{at}/elements/{number}/elements")


def _line(parts: object, at: str) -> Iterator[str]:
    for number, part in enumerate(parts if isinstance(parts, list) else ()):
        here = f"{at}/{number}"
        named = str(part.get("type")) if isinstance(part, dict) else ""
        if named not in _INLINE:
            yield error(f"unsupported type: {named}", f"{here}/type")
            continue
        known, required = _INLINE[named]
        yield from keys(part, here, {"type": str, "style": dict, **known}, required)
        style = part.get("style")
        for name in style if isinstance(style, dict) else ():
            if name not in _STYLES:
                yield error(f"invalid additional property: {name}", f"{here}/style")

"""What Slack would take for markup in a message: read as Slack reads it, so that a test sees what got in."""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from told_cases import ANA, BO, GROUPS, LINK, OWNER

from prefect_cloudtrail.demo.slack.limits import refused_blocks
from prefect_cloudtrail.slack.message import Message

MOMENT = re.compile(r"!date\^\d+\^[^|<>]+\|[0-9:]+ UTC")
JOINER = "\u2060"
OURS = {
    *(f"@{each.removeprefix('slack:')}" for each in (ANA, BO, OWNER)),
    *(f"!subteam^{each}" for each in GROUPS),
    f"{LINK}|run in Prefect",
}


def refused(message: Message) -> list[str]:
    """Return why Slack would refuse the message."""
    found = refused_blocks(json.loads(json.dumps(message.blocks))) if message.blocks else []
    return [*found, *([f"text: {len(message.text)}"] if not 0 < len(message.text) <= 4_000 else [])]


def strange(message: Message) -> list[str]:
    """Return what in the message is no letter of a text and none of our own markup."""
    return [f"{message.name}: {why}" for text in mrkdwn(message) for why in _strange(text)] + [
        f"{message.name}: {text!r}" for text in letters(message) if _unshowable(text)
    ]


def mrkdwn(message: Message) -> Iterator[str]:
    """Yield each text that Slack reads as markup."""
    if message.to != "pager":
        yield message.text
    yield from (part["text"] for part in _parts(message.blocks) if part.get("type") == "mrkdwn")


def letters(message: Message) -> Iterator[str]:
    """Yield each text that Slack shows as it is."""
    for part in _parts(message.blocks):
        if part.get("type") == "plain_text":
            assert part["emoji"] is False
            yield part["text"]
        elif part.get("type") == "text":
            yield part["text"]


def said(message: Message) -> str:
    """Return what people read in the blocks, without the joiners that show nothing; moments as UTC."""
    texts = (part["text"] for part in _parts(message.blocks) if isinstance(part.get("text"), str))
    return re.sub(r"<!date[^|]+\|([^>]+)>", r"\1", "\n".join(texts).replace(JOINER, ""))


def block(message: Message, block_id: str) -> str:
    """Return what people read in one block; empty where it is not there."""
    return said(Message("", "", tuple(each for each in message.blocks if each["block_id"] == block_id)))


def buttons(message: Message) -> list[str]:
    """Return what its buttons say; of a menu, its entries after a ≡."""
    shown = []
    for row in (each for each in message.blocks if each["type"] == "actions"):
        for element in row["elements"]:
            options = [f"≡ {each['text']['text']}" for each in element.get("options", ())]
            shown += options or [element["text"]["text"]]
    return shown


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _parts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _parts(part)


def _strange(text: str) -> Iterator[str]:
    found = re.findall(r"<([^<>]*)>", text)
    yield from (f"markup {each!r}" for each in found if each not in OURS and not MOMENT.fullmatch(each))
    without = re.sub(r"<[^<>]*>", "", text)
    if "<" in without or ">" in without:
        yield f"half of a markup in {text!r}"
    yield from (f"a torn letter {each!r}" for each in re.findall(r"&(?!amp;|lt;|gt;).{0,4}", without))
    if any(line.count("`") % 2 for line in without.splitlines()):
        yield f"a torn code in {text!r}"
    outside = re.sub(r"`[^`\n]*`", "", without)
    yield from (f"format {each!r}" for each in ("*bold*", "_it_", "~no~", ":fire:") if each in outside)
    yield from (f"quote in {line!r}" for line in outside.splitlines() if line.startswith("&gt;"))
    if _unshowable(without.replace("\n", "").replace(JOINER, "")):
        yield f"what cannot be shown in {text!r}"


def _unshowable(text: str) -> bool:
    return any(unicodedata.category(each) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"} for each in text)

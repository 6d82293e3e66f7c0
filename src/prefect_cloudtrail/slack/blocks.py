"""Block Kit's parts, within Slack's limits, and text that others wrote made safe in them. Pure.

What an attacker can choose goes through `shown` into mrkdwn, or as it is into plain_text or a rich_text element: it
shows letter for letter, is cut, and neither pings, links nor formats. mrkdwn is always sent `verbatim`, so that Slack
makes no links of what looks like one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from prefect_cloudtrail.text import plain

Block = Mapping[str, Any]

LONGEST_HEADER, LONGEST_SECTION, LONGEST_FIELD, LONGEST_BUTTON = 150, 3_000, 2_000, 75
MOST_BLOCKS, MOST_FIELDS = 50, 10
# A backtick would pair with one of ours, so it shows as another; the other letters that mrkdwn takes for formatting
# are told apart from themselves by a joiner that shows nothing.
_NO_BACKTICK = {"`": "\u02cb"}
_CODE = str.maketrans(_NO_BACKTICK)
_FORMATS = str.maketrans({letter: f"\u2060{letter}\u2060" for letter in "*_~"} | _NO_BACKTICK)
# What would show as a picture; 10:15:00 would not.
_EMOJI = re.compile(r":(?=(?:[^\s:]*[^\s:\d][^\s:]*|100|1234):)")
# The beginning of an escaped letter, at an end.
_TORN = re.compile(r"&[a-z]{0,3}$")


def shown(text: str, longest: int = 200) -> str:
    """Return text that others wrote as mrkdwn that shows it letter for letter, cut."""
    made = _EMOJI.sub(":\u2060", escaped(plain(text, longest)).translate(_FORMATS))
    # At the beginning of a line it would quote.
    return f"\u2060{made}" if made.startswith("&gt;") else made


def code(text: str, longest: int = 200) -> str:
    """Return text that others wrote in mrkdwn's fixed width; a backtick in it would end it, so it shows as another."""
    return "`" + escaped(plain(text, longest)).translate(_CODE) + "`" if text.strip() else ""


def escaped(text: str) -> str:
    """Return the text with the three letters escaped that make links and mentions of what follows."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def moment(when: datetime, style: str = "{time_secs}") -> str:
    """Return a moment in the reader's own time zone, UTC where Slack cannot; styles are Slack's."""
    fallback = when.astimezone(UTC).strftime("%H:%M:%S UTC" if style == "{time_secs}" else "%H:%M UTC")
    return f"<!date^{int(when.timestamp())}^{style}|{fallback}>"


def plain_text(text: str, longest: int) -> dict[str, Any]:
    """Return a plain_text object, cut."""
    return {"type": "plain_text", "text": plain(text, longest) or "…", "emoji": False}


def mrkdwn(text: str, longest: int = LONGEST_SECTION) -> dict[str, Any]:
    """Return a mrkdwn object; the text is ours, with what others wrote in it escaped. Cut between lines and words."""
    return {"type": "mrkdwn", "text": _cut(text, longest), "verbatim": True}


def header(text: str, block_id: str) -> Block:
    """Return a header."""
    return {"type": "header", "block_id": block_id, "text": plain_text(text, LONGEST_HEADER)}


def section(text: str, block_id: str) -> Block:
    """Return a paragraph of mrkdwn."""
    return {"type": "section", "block_id": block_id, "text": mrkdwn(text)}


def fields(texts: Iterable[str], block_id: str) -> Block:
    """Return short texts side by side."""
    parts = [mrkdwn(text, LONGEST_FIELD) for text in list(texts)[:MOST_FIELDS]]
    return {"type": "section", "block_id": block_id, "fields": parts}


def context(texts: Iterable[str], block_id: str) -> Block:
    """Return small print."""
    return {"type": "context", "block_id": block_id, "elements": [mrkdwn(text) for text in list(texts)[:10]]}


def actions(elements: Sequence[Mapping[str, Any]], block_id: str) -> Block:
    """Return a row of buttons and menus."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(text: str, action_id: str, value: str, *, style: str | None = None, label: str | None = None) -> Block:
    """Return a button; `style` is primary or danger, `label` what who reads the screen aloud says."""
    made: dict[str, Any] = {"type": "button", "action_id": action_id, "text": plain_text(text, LONGEST_BUTTON)}
    made["value"] = value
    if style:
        made["style"] = style
    if label:
        made["accessibility_label"] = plain(label, 75)
    return made


def overflow(options: Sequence[tuple[str, str, str | None]], action_id: str) -> Block:
    """Return the menu behind the three dots: of each option its text, value and, where it opens a page, URL."""
    made = [
        {"text": plain_text(text, 75), "value": value} | ({"url": url} if url else {}) for text, value, url in options
    ]
    return {"type": "overflow", "action_id": action_id, "options": made}


def bullets(rows: Iterable[Sequence[Mapping[str, Any]]], block_id: str) -> Block:
    """Return a list of rich text, each row its elements."""
    sections = [{"type": "rich_text_section", "elements": list(row)} for row in rows]
    listed = {"type": "rich_text_list", "style": "bullet", "indent": 0, "elements": sections}
    return {"type": "rich_text", "block_id": block_id, "elements": [listed]}


def rich(text: str, *, bold: bool = False, fixed: bool = False, longest: int = 300) -> Block:
    """Return an element of rich text; whatever it holds is shown as it is."""
    style = {name: True for name, on in (("bold", bold), ("code", fixed)) if on}
    return {"type": "text", "text": plain(text, longest) or "…"} | ({"style": style} if style else {})


def _cut(text: str, longest: int) -> str:
    """Return the text within a length, cut where no markup is torn: at a line's, a sentence's or a word's end."""
    if len(text) <= longest:
        return text
    head = text[: longest - 3]
    at = max(head.rfind("\n"), head.rfind(" "))
    head = _TORN.sub("", head[:at] if at > longest // 2 else head)
    # Half a link, mention or moment would show its inside.
    if head.rfind("<") > head.rfind(">"):
        head = head[: head.rfind("<")]
    # What is not closed would run on to the end.
    if head.count("`") % 2:
        head = head[: head.rfind("`")]
    return f"{head} …"

"""Text that others wrote, made safe where it is shown: an attacker chooses user agents, session names, error texts."""

import re
import unicodedata

# Control characters, and those that turn the reading direction or hide: they can redraw a terminal or a line.
_UNSHOWABLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~])")


def plain(text: str, longest: int = 200) -> str:
    """Return the text as one line without control or direction characters, cut to `longest`."""
    shown = "".join("�" if unicodedata.category(letter) in _UNSHOWABLE else letter for letter in text)
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def markdown(text: str, longest: int = 200) -> str:
    """Return the text as Markdown that shows it letter for letter: no link, no image, no markup."""
    return _MARKDOWN.sub(r"\\\1", plain(text, longest)).replace("&", "&amp;").replace("@", "&#64;")

"""Text that others wrote, made safe where it is shown: an attacker chooses user agents, session names, error texts."""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

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


REDACTED = "(redacted)"
_LONGEST_VALUE, _LONGEST_POLICY, _MOST_PARTS, _DEEPEST = 500, 300, 100, 12
# Names of what holds a secret, without case and separators; wherever the name holds one of these.
_SECRET_NAMES = (
    *(
        "password",
        "passwd",
        "passphrase",
        "secretaccesskey",
        "secretstring",
        "secretbinary",
        "secretkey",
        "clientsecret",
    ),
    *(
        "sessiontoken",
        "securitytoken",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "authtoken",
        "tokencode",
        "identitytoken",
    ),
    *("samlassertion", "privatekey", "keymaterial", "plaintext", "userdata", "authorization", "cookie", "apikey"),
    *("environment", "signature", "onetimecode", "secrethash"),
)
_POLICY_NAMES = ("policy", "document")
# A name and its value inside a text: a command line, a URL, JSON in JSON.
_SECRET_IN_TEXT = re.compile(
    r"((?:password|passwd|pwd|secret[_-]?access[_-]?key|secret|token|api[_-]?key)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&]+",
    re.IGNORECASE,
)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*", re.DOTALL)
_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")


def redacted(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any JSON value
    """Return a JSON value without its secrets: what a name says is one, or a text holds one; policies and texts cut.

    Names stay, so that a reader sees what was there; so do the ids of keys, secrets and parameters.

    Args:
        value: as JSON gives it.
        name: under which it stood.
    """
    return _redacted(value, re.sub(r"[^a-z0-9]", "", name.lower()), 0)


def _redacted(value: Any, name: str, depth: int) -> Any:  # noqa: ANN401 - any JSON value
    if value is None or isinstance(value, bool | int | float):
        return value
    if any(secret in name for secret in _SECRET_NAMES):
        return REDACTED
    if name.endswith(_POLICY_NAMES) or depth == _DEEPEST:
        return _without_secrets(value if isinstance(value, str) else json.dumps(value), _LONGEST_POLICY)
    if isinstance(value, Mapping):
        parts = list(value.items())[:_MOST_PARTS]
        return {
            str(_without_secrets(key, _LONGEST_POLICY)): _redacted(
                part, re.sub(r"[^a-z0-9]", "", key.lower()), depth + 1
            )
            for key, part in parts
        }
    if isinstance(value, list):
        return [_redacted(part, name, depth + 1) for part in value[:_MOST_PARTS]]
    return _without_secrets(str(value), _LONGEST_VALUE)


def _without_secrets(text: str, longest: int) -> str:
    for pattern, left in ((_SECRET_IN_TEXT, rf"\1{REDACTED}"), (_PRIVATE_KEY, REDACTED), (_IN_URL, rf"\1{REDACTED}@")):
        text = pattern.sub(left, text)
    whole = text.encode("utf-8", "replace").decode()
    return whole if len(whole) <= longest else f"{whole[: longest - 1]}…"

"""The smallest parts of blocks, and how Slack words a refusal of them."""

from collections.abc import Iterator, Mapping, Sequence

PLAIN, MRKDWN = "plain_text", "mrkdwn"
_TEXT_KEYS = {PLAIN: {"type": str, "text": str, "emoji": bool}, MRKDWN: {"type": str, "text": str, "verbatim": bool}}
_WORDS = {str: "a string", dict: "an object", list: "an array", bool: "a boolean", int: "an integer"}


def error(words: str, at: str) -> str:
    """Return a refusal as it stands in `response_metadata.messages`."""
    return f"[ERROR] {words} [json-pointer:{at}]"


def within(value: object, at: str, most: int, *, least: int = 1) -> Iterator[str]:
    """Yield why a string is too short or too long; what is no string is for `keys` to refuse."""
    if isinstance(value, str) and len(value) < least:
        yield error(f"must be more than {least - 1} characters", at)
    if isinstance(value, str) and len(value) > most:
        yield error(f"must be less than {most + 1} characters", at)


def keys(value: Mapping[str, object], at: str, known: Mapping[str, type], required: Sequence[str]) -> Iterator[str]:
    """Yield what is missing, what is unknown, and what is of the wrong type."""
    for name in required:
        if name not in value:
            yield error(f"missing required field: {name}", at)
    for name, found in value.items():
        if name not in known:
            yield error(f"invalid additional property: {name}", at)
        # JSON's true is no integer, though Python's is.
        elif not isinstance(found, known[name]) or (known[name] is int and isinstance(found, bool)):
            yield error(f"must provide {_WORDS[known[name]]}", f"{at}/{name}")


def text_object(value: object, at: str, most: int, kind: str | None = None, *, least: int = 1) -> Iterator[str]:
    """Yield why this is no text object of at most so many characters.

    Args:
        value: what was sent.
        at: the JSON pointer at which it lies.
        most: characters, as Slack counts them: of the text as it was sent.
        kind: the only type it may have; either by default.
        least: characters.
    """
    if not isinstance(value, dict):
        yield error("must provide an object", at)
        return
    named = str(value.get("type"))
    if named not in _TEXT_KEYS or (kind is not None and named != kind):
        yield error(f"unsupported type: {value.get('type')}", f"{at}/type")
        return
    yield from keys(value, at, _TEXT_KEYS[named], ("text",))
    yield from within(value.get("text"), f"{at}/text", most, least=least)

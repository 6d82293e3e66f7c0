"""What a message on a queue says of new log objects: a notice of S3, EventBridge or CloudTrail, through SNS or not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

# CloudTrail sends it once, to see whether its topic takes it.
_GREETINGS = ("CloudTrail validation message.",)
_CREATED = "ObjectCreated:"


@dataclass(frozen=True)
class Named:
    """An object that a notice names, with its whole key."""

    bucket: str
    key: str


def named_in(body: str) -> tuple[Named, ...] | None:
    """Return the objects that a message says were created; None where it is no notice that is known.

    It is empty where a notice is of something else: the test that S3 sends when it is set up, an object deleted.
    """
    said = _loaded(body)
    if isinstance(said, Mapping) and said.get("Type") == "Notification":  # SNS, without raw delivery
        said = _loaded(said.get("Message"))
    try:
        return _named(said)
    except (AttributeError, KeyError, TypeError, ValueError):  # a part is missing, or of another kind
        return None


def _named(said: Any) -> tuple[Named, ...] | None:  # noqa: ANN401 - any JSON value
    match said:
        case str() if said.strip() in _GREETINGS:
            return ()
        case {"Event": "s3:TestEvent"}:
            return ()
        case {"s3Bucket": bucket, "s3ObjectKey": list() as keys}:  # CloudTrail's own
            return tuple(_object(bucket, key) for key in keys)
        case {"source": "aws.s3", "detail-type": str() as what, "detail": detail}:  # EventBridge
            return (_object(detail["bucket"]["name"], detail["object"]["key"]),) if what == "Object Created" else ()
        case {"Records": list() as records} if records and all(each["eventSource"] == "aws:s3" for each in records):
            return tuple(
                # Only here is it written as in a form.
                _object(each["s3"]["bucket"]["name"], unquote_plus(each["s3"]["object"]["key"], errors="strict"))
                for each in records
                if each["eventName"].removeprefix("s3:").startswith(_CREATED)
            )
        case _:
            return None


def _object(bucket: Any, key: Any) -> Named:  # noqa: ANN401 - any JSON value
    if not isinstance(bucket, str) or not isinstance(key, str) or not bucket or not key:
        raise TypeError("no object")
    key.encode()  # raises: half of a surrogate pair is no key
    return Named(bucket, key)


def _loaded(text: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return what the JSON says, or the text itself where it is none."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text

"""Why a record, a whole object, or a notice of one could not be read: a closed set."""

from enum import StrEnum


class Reason(StrEnum):
    """What REJECTED says of one record or one object, and a run's summary of a notice, too."""

    UNREADABLE = "unreadable"  # the object could not be fetched; its sample is the error
    GONE = "gone"  # the object could never be fetched, and is there no longer
    BAD_GZIP = "bad_gzip"  # the object is neither whole gzip nor JSON
    TOO_LARGE = "too_large"  # more bytes of JSON than the limit
    BAD_JSON = "bad_json"  # not JSON, or cut off
    NOT_A_RECORD = "not_a_record"  # JSON, but null, a text, a list, or an object with no event in it
    NO_EVENT_TIME = "no_event_time"
    BAD_EVENT_TIME = "bad_event_time"
    NO_EVENT_NAME = "no_event_name"
    NO_EVENT_SOURCE = "no_event_source"
    UNKNOWN_NOTICE = "unknown_notice"  # a message on the queue that is no notice of an object
    ELSEWHERE = "elsewhere"  # a notice names an object outside the trail's bucket and prefix


def sample(raw: bytes | bytearray) -> str:
    """Return the first 200 bytes as text that is safe to print: what is not printable is replaced."""
    text = bytes(raw[:200]).decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\ufffd" for character in text)

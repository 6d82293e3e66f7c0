"""Objects that somebody wrote to stop the reader: it takes them in bounded time and memory, or refuses them."""

import gzip
import time

import pytest
from builders import KEY, log_file, packed, record

from prefect_cloudtrail.cloudtrail import Reason, parse, whole_records
from prefect_cloudtrail.cloudtrail.parse import MAX_RECORDS
from prefect_cloudtrail.cloudtrail.records import Decoded, decode

DIGITS = "9" * 5_000
SIGN_IN = {"eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin"}
EMPTY_MEMBER = gzip.compress(b"", mtime=0)


def with_number(name: str) -> bytes:
    """Return an object of which one record holds an integer that Python's own reader refuses."""
    return log_file(record(**SIGN_IN, **{name: {"a": "NUMBER"}})).replace(b'"NUMBER"', DIGITS.encode())


def seconds(content: bytes) -> float:
    began = time.process_time()
    parse([(KEY, content)])
    return time.process_time() - began


@pytest.mark.parametrize("name", ["responseElements", "additionalEventData", "requestParameters"])
def test_a_number_of_any_length_costs_nobody_a_record(name: str) -> None:
    parsed = parse([(KEY, with_number(name))])
    assert (parsed.events.height, parsed.rejected.height) == (1, 0)


def test_a_record_with_a_long_number_is_there_in_full() -> None:
    found = whole_records(KEY, with_number("requestParameters"), None)
    assert not isinstance(found, Reason)
    assert found[0]["requestParameters"] == {"a": DIGITS}


def test_many_gzip_members_take_no_longer_than_their_bytes() -> None:
    little, much = (EMPTY_MEMBER * count for count in (5_000, 80_000))
    seconds(little)
    # In step with the bytes it is 16; with their square, as it was, 256.
    assert min(seconds(much) for _ in range(3)) < 64 * min(seconds(little) for _ in range(3))


def test_whole_members_are_one_text_wherever_they_are_cut() -> None:
    halves = log_file(record(), record(eventID="e-2"))
    for cut in range(0, len(halves), 97):
        content = packed(halves[:cut], b"", halves[cut:]) + b"\0" * 20_000 + packed(b" ") * 1_000
        assert parse([(KEY, content)]).events["event.id"].to_list() == ["e-1", "e-2"]


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b"{}," * 10 + b"{}]",
        b'{"Records":[' + b"null," * 10 + b"null]}",
        b'{"Records":[' + b"1," * 10 + b"1]}",
        b"{}\n" * 11,
        b"{}" * 11,
        b'""' * 12,
        b"[{}]" * 11,
        b"[" + b"{}," * 11,
        b"{[[[}\n" + b"{}\n" * 11,
        b"{[[[}\n[" + b"1," * 11 + b"1]",
        b'{"Records":[}' + b"1," * 11,
    ],
    ids=[
        "objects",
        "nulls",
        "numbers",
        "lines",
        "documents",
        "texts",
        "lists",
        "damaged",
        "damaged lines",
        "a damaged line",
        "a damaged list",
    ],
)
def test_more_records_than_may_be_are_refused(text: bytes) -> None:
    assert decode(text, 10) is Reason.TOO_LARGE


def test_as_many_records_as_may_be_are_read() -> None:
    decoded = decode(b"[" + b"{}," * 9 + b"{}]", 10)
    assert isinstance(decoded, Decoded)
    assert len(decoded.records) == 10


def test_what_lists_within_records_hold_is_not_taken_for_records() -> None:
    decoded = decode(log_file(*[record(requestParameters={"ids": [{"id": None}] * 9})] * 10), 10)
    assert isinstance(decoded, Decoded)
    assert len(decoded.records) == 10


def test_a_bomb_of_tiny_records_costs_only_itself() -> None:
    bomb = gzip.compress(b"{}\n" * (MAX_RECORDS + 1), 1)
    parsed = parse([("bomb.json.gz", bomb), (KEY, log_file(record()))])
    assert list(parsed.rejected.select("log.file.path", "reason").iter_rows()) == [("bomb.json.gz", Reason.TOO_LARGE)]
    assert parsed.events.height == 1

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from builders import KEY, Layout, lines, log_file, packed, record
from cloudtrail.trail_reference import read
from hypothesis import given, settings
from hypothesis import strategies as st

from prefect_cloudtrail.cloudtrail import Parsed, parse
from prefect_cloudtrail.schema import EVENTS, REJECTED

REAL = Path(__file__).parents[2].parent / "shared" / "data"
TRAILS = ("invictus", "stratus", "otrf", "c7n", "traildiscover", "panther_rule_tests", "identity_types.json")


def agree(parsed: Parsed, key: str, content: bytes) -> None:
    expected = read(key, content)
    assert parsed.events.to_dicts() == expected.events
    assert list(parsed.rejected.select("log.offset", "reason").iter_rows()) == expected.rejected
    assert parsed.passed_over == expected.passed_over
    assert parsed.events.height + parsed.rejected.height + parsed.passed_over == expected.records
    assert (dict(parsed.events.schema), dict(parsed.rejected.schema)) == (EVENTS, REJECTED)


def real_files(name: str) -> list[Path]:
    if not (REAL / name).exists():
        pytest.skip(f"the real records are not there: {REAL / name}")
    found = REAL / name
    return [found] if found.is_file() else sorted(found.glob("*.json*"))


def trail_of(file: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix == ".jsonl":
        return content
    held = json.loads(content)
    return lines(*([test["log"] for test in held["tests"]] if "tests" in held else [one["record"] for one in held]))


@pytest.mark.parametrize("name", TRAILS)
def test_every_real_record_is_read_as_the_reference_reads_it(name: str) -> None:
    for file in real_files(name):
        content = trail_of(file)
        agree(parse([(file.name, content)]), file.name, content)


@pytest.mark.parametrize("name", TRAILS)
def test_real_records_are_the_same_in_each_layout(name: str) -> None:
    for file in real_files(name)[:20]:
        records = [json.loads(line) for line in trail_of(file).split(b"\n") if line.strip()]
        layouts = [lines(*records), log_file(*records), json.dumps(records).encode(), packed(log_file(*records))]
        first, *others = [parse([(KEY, layout)]) for layout in layouts]
        for other in others:
            # Ids made of the record's own JSON are the same too, however it is indented.
            assert other.events.equals(first.events)
            assert other.rejected.drop("sample").equals(first.rejected.drop("sample"))


JUST_TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
TEXT = st.one_of(JUST_TEXT, st.sampled_from(["", "\0", "\ud800", "a\udc00b", "\U0001f600", "true", "False", "Insight"]))
SCALAR = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT)
ANYTHING = st.one_of(SCALAR, st.lists(SCALAR, max_size=2), st.dictionaries(TEXT, SCALAR, max_size=2))
TIME = st.one_of(
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(lambda time: time.isoformat(sep=" ")),  # noqa: DTZ001
    st.sampled_from(["2024-06-03 15:23:22.000000000", "2024-02-30T00:00:00Z", "2024-06-03T15:23:22+0200", 1718000000]),
    ANYTHING,
)
ISSUER = st.fixed_dictionaries({}, optional={"arn": ANYTHING, "type": ANYTHING})
ATTRIBUTES = st.fixed_dictionaries({}, optional={"creationDate": TIME, "mfaAuthenticated": ANYTHING})
SESSION = st.fixed_dictionaries(
    {}, optional={"sessionIssuer": ISSUER | ANYTHING, "attributes": ATTRIBUTES | ANYTHING, "sourceIdentity": ANYTHING}
)
IDENTITY = st.fixed_dictionaries(
    {},
    optional={
        "sessionContext": SESSION | ANYTHING,
        "onBehalfOf": st.fixed_dictionaries({"userId": ANYTHING}) | ANYTHING,
        **dict.fromkeys(
            ("type", "arn", "principalId", "accountId", "accessKeyId", "userName", "invokedBy", "identityProvider"),
            ANYTHING,
        ),
    },
)
ODD: dict[str, st.SearchStrategy[Any]] = {
    "userIdentity": IDENTITY | ANYTHING,
    "eventTime": TIME,
    "eventName": st.just("ConsoleLogin") | ANYTHING,
    "responseElements": st.just({"ConsoleLogin": "Failure"}) | ANYTHING,
    "additionalEventData": st.just({"MFAUsed": "Yes"}) | ANYTHING,
    **dict.fromkeys(
        (
            *("eventSource", "eventID", "errorCode", "errorMessage", "readOnly", "awsRegion", "sourceIPAddress"),
            *("recipientAccountId", "sharedEventID", "eventCategory", "insightDetails", "requestParameters"),
        ),
        ANYTHING,
    ),
}
NO_RECORD: st.SearchStrategy[Any] = (
    st.none() | st.integers() | st.floats() | TEXT | st.just({}) | st.just({"eventName": "CreateUser"})
)
# Mostly whole records with one to three odd fields: all of them odd are nearly always refused.
RECORD = st.lists(st.sampled_from(sorted(ODD)), max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: ODD[name] | st.just(...) for name in names})
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(RECORD.map(lambda odd: record(**odd)) | NO_RECORD, max_size=4),
    st.sampled_from([log_file, lines, lambda *records: json.dumps(list(records), indent=2).encode()]),
    st.booleans(),
)
def test_odd_records_are_read_as_the_reference_reads_them(records: list[Any], layout: Layout, compressed: bool) -> None:
    content = layout(record(), *records)
    content = packed(content) if compressed else content
    agree(parse([(KEY, content)]), KEY, content)

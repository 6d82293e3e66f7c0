"""A trail that is stopped, deleted or narrowed is told of, with who, from where and which."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from frames import call

from prefect_cloudtrail import schema
from prefect_cloudtrail.notices import Notice, NoticeKind
from prefect_cloudtrail.tampering import concerned, found

AT = datetime(2026, 3, 31, 9, 40, 11, tzinfo=UTC)
THIEF = "arn:aws:iam::111122223333:user/deploy"
WHERE = "in eu-central-1 at 2026-03-31 09:40:11 UTC from 50.0.5.7, Kyiv, 30, UA"


def calls(*commands: str, every: timedelta = timedelta(hours=3), **fields: Any) -> pl.DataFrame:
    rows = [
        call("Kyiv", at=AT + number * every, who="deploy", command=f"cloudtrail:{command}")
        | {"principal": THIEF, "event.id": f"e-{number}", "cloud.region": "eu-central-1"}
        | fields
        for number, command in enumerate(commands)
    ]
    return concerned(pl.DataFrame(rows, schema=schema.PLACED).lazy())


def told(command: str, asked: dict[str, Any] | None) -> list[str]:
    records = {} if asked is None else {"e-0": {"requestParameters": asked}}
    return [each.sentence for each in found(calls(command), records, [], AT)]


@pytest.mark.parametrize(
    ("command", "asked", "said"),
    [
        ("StopLogging", {"name": "org"}, "stopped it: nothing is recorded by it since"),
        (
            "DeleteTrail",
            {"name": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/org"},
            "deleted it: nothing is recorded by it since",
        ),
        (
            "UpdateTrail",
            {"name": "org", "isMultiRegionTrail": False},
            "changed what it records: no longer of all regions",
        ),
        (
            "UpdateTrail",
            {"name": "org", "includeGlobalServiceEvents": False, "s3BucketName": "theirs"},
            "changed what it records: without the global services, such as IAM, into the bucket theirs",
        ),
        (
            "PutEventSelectors",
            {"trailName": "org", "eventSelectors": [{"readWriteType": "ReadOnly"}]},
            "changed what it records: of management events ReadOnly",
        ),
        (
            "PutEventSelectors",
            {"trailName": "org", "eventSelectors": [{"includeManagementEvents": False}]},
            "changed what it records: without management events",
        ),
        (
            "PutEventSelectors",
            {"trailName": "org", "eventSelectors": [{"excludeManagementEventSources": ["kms.amazonaws.com"]}]},
            "changed what it records: without what kms.amazonaws.com records",
        ),
        (
            "PutEventSelectors",
            {
                "trailName": "org",
                "advancedEventSelectors": [
                    {
                        "fieldSelectors": [
                            {"field": "eventCategory", "equals": ["Management"]},
                            {"field": "readOnly", "equals": ["true"]},
                        ]
                    }
                ],
            },
            "changed what it records: of management events only those chosen by readOnly",
        ),
        (
            "PutEventSelectors",
            {
                "trailName": "org",
                "advancedEventSelectors": [{"fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]}]}],
            },
            "changed what it records: without management events",
        ),
        ("StopEventDataStoreIngestion", {"eventDataStore": "org"}, "stopped it: it takes in nothing since"),
        ("DeleteEventDataStore", {"eventDataStore": "org"}, "deleted it: it can be restored for seven days"),
        (
            "UpdateEventDataStore",
            {"eventDataStore": "org", "organizationEnabled": False},
            "changed what it records: no longer of the whole organisation",
        ),
    ],
)
def test_less_is_recorded_says_who_did_what_to_which_from_where(command: str, asked: dict[str, Any], said: str) -> None:
    assert told(command, asked) == [f"trail org of account 111122223333: {THIEF} {said}, with {command} {WHERE}."]


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("UpdateTrail", {"name": "org", "isMultiRegionTrail": True, "snsTopicName": "t"}),
        ("PutEventSelectors", {"trailName": "org", "eventSelectors": [{"readWriteType": "All"}]}),
        (
            "PutEventSelectors",
            {
                "trailName": "org",
                "advancedEventSelectors": [
                    {"fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}]},
                    {"fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]}]},
                ],
            },
        ),
        ("UpdateEventDataStore", {"eventDataStore": "org", "name": "new"}),
        ("StartLogging", {"name": "org"}),
    ],
)
def test_what_loses_nothing_is_not_told(command: str, asked: dict[str, Any]) -> None:
    assert told(command, asked) == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("StopLogging", "stopped it: nothing is recorded by it since"),
        ("UpdateTrail", "may have changed what it records; its record cannot be read"),
        ("PutEventSelectors", "may have changed what it records; its record cannot be read"),
    ],
)
def test_a_call_whose_record_cannot_be_read_is_told_all_the_same(command: str, said: str) -> None:
    assert told(command, None) == [f"trail unknown of account 111122223333: {THIEF} {said}, with {command} {WHERE}."]


@pytest.mark.parametrize("fields", [{"event.outcome": "failure"}, {"command": "cloudtrail:DescribeTrails"}])
def test_what_was_refused_or_only_asks_is_not_looked_at(fields: dict[str, Any]) -> None:
    assert calls("StopLogging", **fields).is_empty()


def test_a_trail_that_is_started_again_says_after_how_long() -> None:
    asked = {f"e-{number}": {"requestParameters": {"name": "org"}} for number in range(2)}
    stopped, again = found(calls("StopLogging", "StartLogging"), asked, [], AT)
    assert (stopped.kind, again.kind) == (NoticeKind.STOPPED, NoticeKind.STARTED_AGAIN)
    assert again.sentence == (
        f"trail org of account 111122223333: {THIEF} started it again after 3 h, with StartLogging in eu-central-1 at "
        "2026-03-31 12:40:11 UTC from 50.0.5.7, Kyiv, 30, UA: what was called meanwhile is not recorded there."
    )


def test_a_trail_that_an_earlier_run_saw_stopped_is_started_again() -> None:
    before = Notice("n", NoticeKind.STOPPED, "111122223333 org", "", AT - timedelta(hours=1), AT)
    records = {"e-0": {"requestParameters": {"name": "org"}}}
    [again] = found(calls("StartLogging"), records, [before], AT)
    assert "started it again after 1 h, " in again.sentence
    assert found(calls("StartLogging"), records, [], AT) == []


def test_who_stops_a_trail_over_and_over_is_told_of_once_a_quarter_of_an_hour() -> None:
    often = calls(*["StopLogging"] * 40, every=timedelta(minutes=1))
    asked = {f"e-{number}": {"requestParameters": {"name": "org"}} for number in range(40)}
    notices = found(often, asked, [], AT)
    assert len(notices) == 40
    assert [each.notice_id for each in notices if each.told_with is None] == [
        f"logging_stopped e-{n}" for n in (0, 15, 30)
    ]


def test_a_name_that_would_draw_over_the_line_is_shown_plain() -> None:
    [said] = told("StopLogging", {"name": "org\x1b[2J\nall is well"})
    assert said.startswith("trail org\ufffd[2J\ufffdall is well of account ")

"""What a message says of new objects, whoever sent it; and of what nobody can make sense of, nothing."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefect_cloudtrail.cloudtrail.notices import Named, named_in

KEY = "AWSLogs/o-abc/111122223333/CloudTrail/eu-central-1/2026/02/02/a b+c.json.gz"
WRITTEN = "AWSLogs/o-abc/111122223333/CloudTrail/eu-central-1/2026/02/02/a+b%2Bc.json.gz"
NAMED = (Named("trail", KEY),)


def of_s3(key: str = WRITTEN, event: str = "ObjectCreated:Put", **more: Any) -> dict[str, Any]:
    s3 = {"s3SchemaVersion": "1.0", "bucket": {"name": "trail"}, "object": {"key": key, "size": 3}}
    return {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": event, "s3": s3} | more]}


def of_eventbridge(kind: str = "Object Created") -> dict[str, Any]:
    detail = {"version": "0", "bucket": {"name": "trail"}, "object": {"key": KEY, "size": 3}, "reason": "PutObject"}
    return {"version": "0", "detail-type": kind, "source": "aws.s3", "account": "111122223333", "detail": detail}


def through_sns(message: str) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-central-1:111122223333:trail", "Message": message}


CLOUDTRAIL = {"s3Bucket": "trail", "s3ObjectKey": [KEY]}


@pytest.mark.parametrize(
    "said",
    [of_s3(), of_s3(event="s3:ObjectCreated:CompleteMultipartUpload"), of_eventbridge(), CLOUDTRAIL],
    ids=["S3", "S3, as others write it", "EventBridge", "CloudTrail"],
)
def test_a_notice_names_the_object_through_sns_or_not(said: dict[str, Any]) -> None:
    assert named_in(json.dumps(said)) == NAMED
    assert named_in(json.dumps(through_sns(json.dumps(said)))) == NAMED


def test_a_notice_names_each_of_its_objects() -> None:
    both = {"Records": [*of_s3("a.json")["Records"], *of_s3("b.json")["Records"]]}
    assert named_in(json.dumps(both)) == (Named("trail", "a.json"), Named("trail", "b.json"))
    assert named_in(json.dumps({"s3Bucket": "b", "s3ObjectKey": ["x", "y"]})) == (Named("b", "x"), Named("b", "y"))


@pytest.mark.parametrize(
    "said",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail"},
        of_s3(event="ObjectRemoved:Delete"),
        of_eventbridge("Object Deleted"),
        through_sns("CloudTrail validation message."),
    ],
    ids=["S3's test", "deleted", "deleted, says EventBridge", "CloudTrail's test"],
)
def test_a_notice_of_something_else_names_nothing(said: dict[str, Any]) -> None:
    assert named_in(json.dumps(said)) == ()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps({"Records": []}),
        json.dumps({"Records": [None]}),
        json.dumps(of_s3(eventSource="aws:sns")),
        json.dumps(of_s3(s3={"bucket": {"name": "trail"}})),
        json.dumps(of_s3(s3={"bucket": {"name": 7}, "object": {"key": "a"}})),
        json.dumps(of_s3(key="a%FF")),
        json.dumps(of_s3(key="a\ud800")),
        json.dumps(of_s3() | {"Records": [*of_s3()["Records"], {"eventSource": "aws:s3"}]}),
        json.dumps(of_eventbridge() | {"source": "mine"}),
        json.dumps(of_eventbridge() | {"detail": None}),
        json.dumps({"s3Bucket": "", "s3ObjectKey": ["a"]}),
        json.dumps({"s3Bucket": "trail", "s3ObjectKey": "a"}),
        json.dumps({"s3Bucket": "trail", "s3ObjectKey": [None]}),
        json.dumps(through_sns("hello")),
        json.dumps({"Type": "Notification", "Message": None}),
        json.dumps({"Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe"}),
    ],
)
def test_what_is_no_notice_is_said_to_be_none(body: str) -> None:
    assert named_in(body) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(["s3", "Records", "a"]), each, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("Type", "Message", "Event", "Records", "s3Bucket", "s3ObjectKey", "source", "detail-type", "detail")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_nothing_that_is_sent_breaks_a_run(said: dict[str, Any]) -> None:
    found = named_in(json.dumps(said))
    assert found is None or all(each.bucket and each.key for each in found)

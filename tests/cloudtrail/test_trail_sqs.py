"""The objects that notices on a queue name, at moto's server: S3 -> SQS, S3 -> SNS -> SQS, and what else may come."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from builders import log_file, record
from cloudtrail.queues import ACCOUNT, Site, client_of, names, site
from obstore.store import S3Store

from bench.drills.s3_server import REGION, Fault, Server
from prefect_cloudtrail.aws_sources import open_notices, queue_of
from prefect_cloudtrail.cloudtrail.s3 import S3Source
from prefect_cloudtrail.cloudtrail.sqs import Queue, SqsSource, queue_named
from prefect_cloudtrail.errors import SettingsError, SourceError

DAY = "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/02/02"
KEYS = [f"{DAY}/111122223333_CloudTrail_eu-central-1_20260202T10{minute}Z_a b+{minute}.json.gz" for minute in (10, 15)]
DIGEST = "AWSLogs/111122223333/CloudTrail-Digest/eu-central-1/2026/02/02/a.json.gz"
OBJECT = log_file(record())

Open = Callable[..., SqsSource]


@pytest.fixture
def queue(server: Server) -> Site:
    return site(server)


@pytest.fixture
def opened(bucket: S3Store, queue: Site) -> Open:
    """Open the queue's objects, with little patience."""

    def opened(prefix: str = "", **more: Any) -> SqsSource:
        trail = S3Source(bucket, "trail", prefix)
        chosen: dict[str, Any] = {"wait_seconds": 0} | more
        return SqsSource(queue_named(queue.client("sqs"), "notices"), trail, **chosen)

    return opened


def keys(source: SqsSource) -> Sequence[str]:
    return [each.key for each in source.list()]


@pytest.mark.parametrize("way", ["S3 -> SQS", "S3 -> SNS -> SQS", "S3 -> SNS -> SQS, raw"])
def test_what_s3_says_is_there_is_found_whichever_way_it_comes(queue: Site, opened: Open, way: str) -> None:
    queue.notify_topic(raw="raw" in way) if "SNS" in way else queue.notify_queue()
    queue.put(dict.fromkeys([*KEYS, DIGEST], OBJECT))
    source = opened()
    found = source.list()
    assert found == S3Source(source.trail._store, "trail").list()  # noqa: SLF001 - the same bucket, listed
    assert [each.key for each in found] == KEYS
    assert dict(source.fetch(KEYS)) == dict.fromkeys(KEYS, OBJECT)
    assert source.rejected == {}


def test_the_bucket_is_never_listed(server: Server, queue: Site, opened: Open) -> None:
    queue.notify_queue()
    queue.put(dict.fromkeys(KEYS, OBJECT))
    assert keys(opened()) == KEYS
    assert server.listings() == []


def test_a_message_stays_until_its_object_is_stored(queue: Site, opened: Open) -> None:
    queue.put(dict.fromkeys(KEYS, OBJECT))
    queue.send(*map(names, KEYS))
    source = opened()
    assert keys(source) == KEYS
    assert queue.left() == 2
    source.settle(KEYS[:1])
    assert queue.left() == 1
    queue.come_again()
    assert keys(opened()) == KEYS[1:]


def test_a_message_of_many_objects_stays_until_the_last_is_stored(queue: Site, opened: Open) -> None:
    queue.put(dict.fromkeys(KEYS, OBJECT))
    queue.send({"s3Bucket": "trail", "s3ObjectKey": KEYS})
    source = opened()
    assert keys(source) == KEYS
    source.settle(KEYS[:1])
    assert queue.left() == 1
    source.settle(KEYS[1:])
    assert queue.left() == 0


def test_many_messages_of_one_object_go_together(queue: Site, opened: Open) -> None:
    queue.put({KEYS[0]: OBJECT})
    queue.send(*[names(KEYS[0])] * 25)
    source = opened()
    assert keys(source) == KEYS[:1]
    source.settle(KEYS[:1])
    assert queue.left() == 0


def test_tests_and_digests_are_taken_off_at_once(queue: Site, opened: Open) -> None:
    queue.put({DIGEST: OBJECT})
    queue.send({"Event": "s3:TestEvent"}, names(DIGEST))
    source = opened()
    assert source.list() == []
    assert (queue.left(), source.rejected) == (0, {})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("hello", "unknown_notice"),
        (names(KEYS[0], bucket="another"), "elsewhere"),
        (names("logs/another/a.json.gz"), "elsewhere"),
        ({"s3Bucket": "trail", "s3ObjectKey": [f"logs/trail/{KEYS[0]}", KEYS[0]]}, "elsewhere"),
        (names("logs/trail/AWSLogs/gone.json.gz"), "unreadable"),
        (names("logs/trail/a//b.json.gz"), "unreadable"),
    ],
)
def test_what_is_not_followed_is_said_and_stays(queue: Site, opened: Open, body: Any, reason: str) -> None:
    queue.put({f"logs/trail/{KEYS[0]}": OBJECT})
    queue.send(body, names(f"logs/trail/{KEYS[0]}"))
    source = opened("logs/trail")
    assert keys(source) == KEYS[:1]
    assert source.rejected == {reason: 1}
    source.settle(KEYS)
    assert queue.left() == 1


@pytest.mark.parametrize("key", ["gone.json.gz", "a//b.json.gz"])
def test_a_notice_of_what_is_not_there_stops_no_run(queue: Site, opened: Open, key: str) -> None:
    queue.send(names(key))
    source = opened()
    assert source.list() == []
    assert source.rejected == {"unreadable": 1}


def test_another_bucket_is_not_even_asked(server: Server, queue: Site, opened: Open) -> None:
    server.create("another")
    queue.put({KEYS[0]: OBJECT}, bucket="another")
    queue.send(names(KEYS[0], bucket="another"))
    server.asked.clear()
    assert keys(opened()) == []
    assert [each.path for each in server.asked if "another" in each.path] == []


def test_what_nobody_can_use_ends_in_the_dead_letter_queue(queue: Site, opened: Open) -> None:
    queue.send("hello")
    for _ in range(11):
        assert opened().list() == []
        queue.come_again()
    assert (queue.left(), queue.left("letters")) == (0, 1)


def test_a_notices_word_on_size_is_not_believed(queue: Site, opened: Open) -> None:
    queue.put({KEYS[0]: OBJECT})
    queue.send(names(KEYS[0]))
    assert [each.size for each in opened().list()] == [len(OBJECT)]


def test_a_run_takes_no_more_than_it_may(queue: Site, opened: Open) -> None:
    many = [f"{DAY}/{number:03}.json" for number in range(15)]
    queue.put(dict.fromkeys(many, OBJECT))
    queue.send(*map(names, many))
    taken = keys(opened(max_messages=10))
    assert len(taken) == 10
    assert sorted([*taken, *keys(opened())]) == many


def test_messages_stay_hidden_while_a_long_run_works(queue: Site, opened: Open) -> None:
    many = [f"{DAY}/{number:03}.json" for number in range(12)]
    queue.put(dict.fromkeys(many, OBJECT))
    queue.send(*map(names, many))
    now = [0.0]
    source = opened(clock=lambda: now[0])
    assert keys(source) == many
    queue.come_again()
    for _ in source.fetch(many[:2]):
        now[0] += 120
    assert opened().list() == []  # hidden anew, at the second object
    source.settle(many)
    assert queue.left() == 0


def test_no_such_queue_is_said_with_its_region(queue: Site) -> None:
    said = rf"^cannot find the queue notes: there is no such queue in {REGION}: check its name, its account, and the re"
    with pytest.raises(SourceError, match=said):
        queue_named(queue.client("sqs"), "notes")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AccessDenied", r"cannot read the queue notices: access denied: grant sqs:ReceiveMessage on it \(.*\)$"),
        ("KMS.AccessDeniedException", r"grant kms:Decrypt on the key that the queue is encrypted with \(KMS"),
        ("ThrottlingException", r"AWS has throttled it for too long: run again later \(ThrottlingException\)$"),
        ("OverLimit", r"120,000 messages are hidden from it, as others took them: see who else reads this queue"),
        ("ExpiredToken", r"the credentials have expired: renew them, or set a role to assume"),
        ("InvalidClientTokenId", r"AWS does not know the access key here"),
        ("Sulking", r"cannot read the queue notices: .*Sulking.*; run again later$"),
    ],
)
def test_a_queue_that_cannot_be_read_says_why(bucket: S3Store, queue: Site, code: str, said: str) -> None:
    client_of.cache_clear()  # what it answers from now on is wrong
    source = SqsSource(queue_named(queue.client("sqs"), "notices"), S3Source(bucket, "trail"))
    client_of.cache_clear()
    answer_with(source.queue, code)
    with pytest.raises(SourceError, match=said):
        source.list()


def answer_with(queue: Queue, code: str) -> None:
    """Answer this client with an error of SQS's, as the service writes it."""
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415

    class Raw:
        def stream(self, *_: Any, **__: Any) -> Any:
            yield f'{{"__type":"com.amazonaws.sqs#{code}","message":"no"}}'.encode()

    def refuse(**_: Any) -> AWSResponse:
        headers: Any = {"Content-Type": "application/x-amz-json-1.0"}
        return AWSResponse(queue.url, 400, headers, Raw())

    events: Any = queue.sqs.meta.events
    events.register("before-send.sqs", refuse)


def test_a_queue_out_of_reach_says_so(opened: Open) -> None:
    source = opened()
    away = Site("http://127.0.0.1:9").client("sqs")
    with pytest.raises(SourceError, match=r"cannot read the queue notices: .*127\.0\.0\.1:9.*; check the network"):
        SqsSource(Queue(away, source.queue.url, "the queue notices"), source.trail).list()


def test_a_bucket_that_cannot_be_asked_is_no_empty_queue(server: Server, queue: Site, opened: Open) -> None:
    queue.put({KEYS[0]: OBJECT})
    queue.send(names(KEYS[0]))
    server.fail("HEAD", ".json.gz", Fault(403, "AccessDenied"))
    with pytest.raises(SourceError, match=r"^cannot read s3://trail/.*: access denied: grant s3:GetObject"):
        opened().list()
    assert queue.left() == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqs://notices", ("notices", None, None)),
        (
            "sqs://sqs.eu-central-1.amazonaws.com/111122223333/notices",
            ("notices", "111122223333", "eu-central-1"),
        ),
        ("sqs://127.0.0.1:5000/111122223333/notices", ("notices", "111122223333", None)),
    ],
)
def test_a_url_names_the_queue(url: str, expected: tuple[str, str | None, str | None]) -> None:
    assert queue_of(url) == expected


@pytest.mark.parametrize("url", ["sqs://", "sqs://a/b", "sqs://a.b", "sqs://notices.fifo", "sqs://notices?x=1"])
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^cannot read from sqs://.*: name a queue as sqs://NAME"):
        queue_of(url)


def test_a_queue_and_its_trail_are_opened_from_their_urls(queue: Site) -> None:
    queue.put({f"logs/{KEYS[0]}": OBJECT})
    queue.send(names(f"logs/{KEYS[0]}"))
    source = open_notices("sqs://notices", "s3://trail/logs", endpoint_url=queue.endpoint, region=REGION)
    assert keys(source) == KEYS[:1]
    assert source.read(KEYS[0]) == OBJECT


def test_the_region_is_the_one_of_the_url(queue: Site) -> None:
    url = "sqs://sqs.us-west-2.amazonaws.com/111122223333/notices"
    with pytest.raises(SourceError, match=r"cannot find the queue notices: there is no such queue in us-west-2: "):
        open_notices(url, "s3://trail", endpoint_url=queue.endpoint, region=REGION)


def test_a_role_is_assumed_for_queue_and_bucket(server: Server, queue: Site) -> None:
    queue.put({KEYS[0]: OBJECT})
    queue.send(names(KEYS[0]))
    server.asked.clear()
    role = f"arn:aws:iam::{ACCOUNT}:role/trail-reader"
    url = f"sqs://{queue.url.partition('://')[2]}"
    source = open_notices(
        url, "s3://trail", endpoint_url=queue.endpoint, region=REGION, role_arn=role, external_id="e-1"
    )
    assert source.queue.url == queue.url
    roles = [(each.form["RoleArn"], each.form["ExternalId"]) for each in server.asked if "RoleArn" in each.form]
    assert set(roles) == {(role, "e-1")}
    others = [each.access_key for each in server.asked if "RoleArn" not in each.form]
    assert all(key.startswith("ASIA") for key in others)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"external_id": "e-1"}, "an external id is given, but no role to assume"),
        ({"endpoint_url": "localhost:5000"}, "cannot use the endpoint localhost:5000: "),
    ],
)
def test_what_cannot_be_meant_is_refused(queue: Site, given: dict[str, Any], said: str) -> None:
    chosen: dict[str, Any] = {"endpoint_url": queue.endpoint, "region": REGION} | given
    with pytest.raises(SettingsError, match=said):
        open_notices("sqs://notices", "s3://trail", **chosen)


def test_no_credentials_are_said(queue: Site, aws_environment: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        aws_environment.delenv(name)
    with pytest.raises(SourceError, match="no credentials for sqs: set AWS_PROFILE, a role, or AWS_ACCESS_KEY_ID"):
        open_notices("sqs://notices", "s3://trail", endpoint_url=queue.endpoint, region=REGION)

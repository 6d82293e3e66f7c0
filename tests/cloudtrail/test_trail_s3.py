import asyncio
import gzip
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from builders import log_file, packed, record
from obstore.store import S3Store

from bench.drills.s3_server import Fault, Server
from prefect_cloudtrail.aws import Patience, open_bucket
from prefect_cloudtrail.cloudtrail import FolderSource, read_objects
from prefect_cloudtrail.cloudtrail.budget import Budget
from prefect_cloudtrail.cloudtrail.s3 import S3Source
from prefect_cloudtrail.errors import SourceError

ACCOUNTS, REGIONS = ("111122223333", "444455556666"), ("eu-central-1", "us-east-1")
ORGANISATION = "AWSLogs/o-abc123/"


def log_key(name: str, account: str = ACCOUNTS[0], region: str = REGIONS[0], above: str = "AWSLogs/") -> str:
    """Return the key of a log delivered at a time such as 20260202T1015."""
    day = f"{name[:4]}/{name[4:6]}/{name[6:8]}"
    return f"{above}{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_{name}Z_abc.json.gz"


def trail(above: str = "AWSLogs/", days: tuple[str, ...] = ("20260131", "20260201", "20260202")) -> dict[str, bytes]:
    """Return two accounts' logs of two regions, two a day, and what lies beside them."""
    objects = {
        log_key(f"{day}T{minute}", account, region, above): packed(log_file(record(eventID=f"{account}{region}{day}")))
        for account in ACCOUNTS
        for region in REGIONS
        for day in days
        for minute in ("0010", "1015")
    }
    for key in list(objects):
        objects[key.replace("CloudTrail", "CloudTrail-Digest")] = b"digest"
        objects[key.replace("CloudTrail", "CloudTrail-Insight")] = b"insight"
    return objects


def keys(source: S3Source, since: datetime | None = None) -> list[str]:
    return [each.key for each in source.list(since)]


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 2, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize("above", ["AWSLogs/", ORGANISATION, "o-abc123/AWSLogs/o-abc123/", "logs/of/all/AWSLogs/", ""])
def test_a_folder_and_its_upload_agree(server: Server, tmp_path: Path, above: str, bucket: S3Store) -> None:
    objects = trail(above) | {
        "organisation.json": log_file(record(eventID="beside")),
        "by hand/a+b=c%41 ü.jsonl": log_file(record(eventID="odd")),
        "notes.txt": b"",
        ".hidden/a.json": b"",
    }
    for key, content in objects.items():
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(content)
    server.put("trail", objects)
    folder, uploaded = FolderSource(tmp_path), S3Source(bucket, "trail")
    objects_listed = uploaded.list()
    assert objects_listed == folder.list()
    assert len(objects_listed) == 26
    read = [read_objects(each, objects_listed) for each in (folder, uploaded)]
    assert read[0].events.equals(read[1].events)
    assert read[0].rejected.equals(read[1].rejected)
    assert read[0].events.height == 26


@pytest.mark.parametrize(
    ("prefix", "count"),
    [
        ("logs", 24),
        ("logs/", 24),
        ("logs/AWSLogs/o-abc123", 24),
        ("logs/AWSLogs/o-abc123/444455556666/", 12),
        ("logs/AWSLogs/o-abc123/444455556666/CloudTrail", 12),
        ("logs/AWSLogs/o-abc123/444455556666/CloudTrail/us-east-1", 6),
        ("logs/AWSLogs/o-abc123/444455556666/CloudTrail/us-east-1/2026/", 6),
        ("logs/AWSLogs/o-abc123/444455556666/CloudTrail/us-east-1/2026/02", 4),
        ("logs/AWSLogs/o-abc123/444455556666/CloudTrail/us-east-1/2026/02/02", 2),
    ],
)
def test_a_prefix_may_point_anywhere_into_the_trail(server: Server, prefix: str, count: int, bucket: S3Store) -> None:
    server.put("trail", trail(f"logs/{ORGANISATION}"))
    below = prefix.rstrip("/") + "/"
    expected = sorted(
        key.removeprefix(below)
        for key in trail(f"logs/{ORGANISATION}")
        if key.startswith(below) and "CloudTrail-" not in key
    )
    assert keys(S3Source(bucket, "trail", prefix)) == expected
    assert len(expected) == count
    newest = [key for key in expected if "_20260202T1015Z_" in key]
    assert keys(S3Source(bucket, "trail", prefix), at(2, 10, 15)) == newest != []


def test_only_what_can_be_new_is_asked_for(server: Server, bucket: S3Store) -> None:
    server.put("trail", trail())
    source = S3Source(bucket, "trail")
    server.asked.clear()
    assert keys(source, at(2, 10)) == sorted(
        log_key("20260202T1015", account, region) for account in ACCOUNTS for region in REGIONS
    )
    accounts = [f"AWSLogs/{account}/" for account in ACCOUNTS]
    services = [f"{account}CloudTrail/" for account in accounts]
    regions = [f"{service}{region}/" for service in services for region in REGIONS]
    assert sorted(server.listings()) == sorted(["", "AWSLogs/", *accounts, *services, *regions])
    after = {each.query["prefix"]: each.query["start-after"] for each in server.asked if "start-after" in each.query}
    assert after == {
        f"AWSLogs/{account}/CloudTrail/{region}/": log_key("20260202T1000", account, region).removesuffix(
            "_abc.json.gz"
        )
        for account in ACCOUNTS
        for region in REGIONS
    }


def test_ten_times_as_many_days_cost_no_request_more(server: Server, bucket: S3Store) -> None:
    server.put("trail", trail(days=("20260202",)))
    source = S3Source(bucket, "trail")
    source.list(at(2, 10))
    few = len(server.listings())
    server.put("trail", trail(days=tuple(f"202601{day:02}" for day in range(1, 11))))
    server.asked.clear()
    source.list(at(2, 10))
    assert len(server.listings()) == few


def test_the_first_listing_passes_by_digests_and_insights(server: Server, bucket: S3Store) -> None:
    server.put("trail", trail())
    assert len(S3Source(bucket, "trail").list()) == 24
    assert not [each for each in server.listings() if "Digest" in each or "Insight" in each]


def test_what_other_services_log_is_passed_by(server: Server, bucket: S3Store) -> None:
    config = f"AWSLogs/{ACCOUNTS[0]}/Config/eu-central-1/2026/2/2/ConfigSnapshot/a.json.gz"
    server.put("trail", {config: b"", log_key("20260202T1015"): b""})
    assert keys(S3Source(bucket, "trail")) == [log_key("20260202T1015")]
    assert not [each for each in server.listings() if "Config" in each]


def test_folders_beside_the_trail_are_listed_at_first_only(server: Server, bucket: S3Store) -> None:
    server.put("trail", {log_key("20260202T1015"): b"", "copies/a.json": b""})
    source = S3Source(bucket, "trail")
    assert keys(source) == [log_key("20260202T1015"), "copies/a.json"]
    server.asked.clear()
    assert keys(source, at(1)) == [log_key("20260202T1015")]
    assert "copies/" not in server.listings()


@pytest.mark.parametrize(
    ("since", "found"),
    [
        (at(2, 10, 14), True),
        (at(2, 10, 15), True),
        (datetime(2026, 2, 2, 10, 15, 59, tzinfo=UTC), True),
        (at(2, 10, 16), False),
        (at(3), False),
    ],
)
def test_since_is_by_the_minute(server: Server, since: datetime, found: bool, bucket: S3Store) -> None:
    server.put("trail", {log_key("20260202T1015"): b""})
    assert bool(S3Source(bucket, "trail").list(since)) is found


def test_an_object_of_midnight_is_found_in_the_folder_of_the_day_before(server: Server, bucket: S3Store) -> None:
    late = log_key("20260203T0005").replace("/02/03/", "/02/02/")
    server.put("trail", {late: b"", log_key("20260202T2350"): b"", log_key("20260203T0010"): b""})
    assert keys(S3Source(bucket, "trail"), at(3, 0, 5)) == [late, log_key("20260203T0010")]
    assert keys(S3Source(bucket, "trail"), at(2, 23, 55)) == [late, log_key("20260203T0010")]


@pytest.mark.parametrize("since", [None, at(2)])
def test_another_layout_is_listed_whole(server: Server, since: datetime | None, bucket: S3Store) -> None:
    server.put("trail", {"2026-02/x.json": b"", "a/b/c/d/e/f/g/y.jsonl.gz": b"", "z.txt": b""})
    assert keys(S3Source(bucket, "trail"), since) == ["2026-02/x.json", "a/b/c/d/e/f/g/y.jsonl.gz"]


def test_another_layout_with_times_lists_what_is_not_older(server: Server, bucket: S3Store) -> None:
    flat = [log_key(name).rpartition("/")[2] for name in ("20260201T1015", "20260202T1015")]
    server.put("trail", {f"flat/{name}": b"" for name in flat} | {"flat/unknown.json": b""})
    assert keys(S3Source(bucket, "trail", "flat"), at(2)) == [flat[1], "unknown.json"]


def test_more_objects_than_a_page(server: Server, bucket: S3Store) -> None:
    server.put("trail", {f"{log_key('20260202T1015')[:-11]}{number:04}.json.gz": b"" for number in range(1_050)})
    assert len(S3Source(bucket, "trail").list()) == 1_050


def test_a_first_day_leaves_out_what_is_older(server: Server, bucket: S3Store) -> None:
    server.put("trail", trail())
    assert len(S3Source(bucket, "trail", first_day=date(2026, 2, 1)).list()) == 16
    assert len(S3Source(bucket, "trail", first_day=date(2026, 2, 1)).list(at(2))) == 8
    with pytest.raises(SourceError, match=r"s3://trail/ holds no log object delivered on 2026-02-03 or later"):
        S3Source(bucket, "trail", first_day=date(2026, 2, 3)).list()


def test_a_prefix_without_logs_is_an_error_but_nothing_new_is_none(server: Server, bucket: S3Store) -> None:
    server.put("trail", {"logs/notes.txt": b"", "logs-of-others/a.json": b""})
    with pytest.raises(SourceError, match=r"s3://trail/logs/ holds no log object: name .* AWSLogs/ lies"):
        S3Source(bucket, "trail", "logs").list()
    assert S3Source(bucket, "trail", "logs").list(at(2)) == []


def test_an_object_that_is_gone_costs_only_itself(server: Server, source: S3Source) -> None:
    server.put("trail", {f"{name}.json": log_file(record(eventID=name)) for name in "abc"})
    objects = source.list()
    server.delete("trail", "b.json")
    parsed = read_objects(source, objects)
    assert parsed.events["event.id"].to_list() == ["a", "c"]
    assert parsed.rejected.select("log.file.path", "reason", "sample").rows() == [
        ("b.json", "unreadable", "cannot read s3://trail/b.json: it is there no longer (NoSuchKey)")
    ]


def test_an_object_too_large_is_not_even_fetched(server: Server, source: S3Source) -> None:
    server.put("trail", {"a.json": b"x" * 5_001, "b.json": log_file(record())})
    parsed = read_objects(source, source.list(), max_object_bytes=5_000)
    assert parsed.rejected.select("log.file.path", "reason", "sample").rows() == [("a.json", "too_large", "5001 bytes")]
    assert parsed.events.height == 1
    assert server.gets() == ["/trail/b.json"]


def test_a_body_shorter_than_listed_is_unreadable_and_not_damaged(server: Server, source: S3Source) -> None:
    server.put("trail", {"a.json": b"x" * 100, "b.json": log_file(record())})
    server.fail("GET", "/a.json", Fault(short=20))
    parsed = read_objects(source, source.list())
    assert parsed.rejected.select("log.file.path", "reason", "sample").rows() == [
        ("a.json", "unreadable", "only 20 of 100 bytes of a.json came: run again later")
    ]
    assert parsed.events.height == 1


@pytest.mark.parametrize("fault", [Fault(503, "SlowDown"), Fault(500, "InternalError"), Fault(cut=20)])
def test_a_passing_fault_is_survived(server: Server, source: S3Source, fault: Fault) -> None:
    server.put("trail", {"a.json": log_file(record())})
    server.fail("GET", "/a.json", fault, times=2)
    assert list(source.fetch(["a.json"])) == [("a.json", log_file(record()))]
    assert len(server.gets()) == 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(503, "SlowDown"), "S3 has throttled it for too long: run again later (SlowDown)"),
        (Fault(500, "InternalError"), "S3 answered 500 Internal Server Error InternalError: run again later"),
        (Fault(cut=20), ""),
        (Fault(403, "AccessDenied", "you &amp; I"), "access denied: grant s3:GetObject on the bucket trail, and kms:"),
        (
            Fault(403, "InvalidObjectState"),
            "it is archived: restore it, or name a first day after it (InvalidObjectState)",
        ),
    ],
)
def test_a_lasting_fault_costs_only_its_object(server: Server, source: S3Source, fault: Fault, said: str) -> None:
    server.put("trail", {f"{name}.json": log_file(record(eventID=name)) for name in "abc"})
    server.fail("GET", "/b.json", fault)
    (_, a), (_, b), (_, c) = source.fetch(["a.json", "b.json", "c.json"])
    assert isinstance(a, bytes)
    assert isinstance(c, bytes)
    assert isinstance(b, SourceError)
    assert str(b).startswith(f"cannot read s3://trail/b.json: {said}")
    assert "\n" not in str(b)
    with pytest.raises(SourceError, match=r"cannot read s3://trail/b\.json"):
        source.read("b.json")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(403, "AccessDenied", "User: x"), r"access denied: grant s3:ListBucket on the bucket trail \(User: x\)"),
        (Fault(400, "ExpiredToken"), r"the credentials have expired: renew them, or set a role .*\(ExpiredToken\)"),
        (Fault(403, "InvalidAccessKeyId"), r"S3 does not know the access key"),
        (Fault(400, "AuthorizationHeaderMalformed"), r"the bucket is in another region"),
        (Fault(301, "PermanentRedirect"), r"the bucket is in another region"),
        (Fault(404, "NoSuchBucket"), r"there is no such bucket"),
        (Fault(503, "SlowDown"), r"S3 has throttled it for too long"),
    ],
)
def test_a_bucket_that_cannot_be_listed_says_why(server: Server, source: S3Source, fault: Fault, said: str) -> None:
    server.fail("GET", "/trail", fault)
    for since in (None, at(2)):
        with pytest.raises(SourceError, match=rf"^cannot list s3://trail/: {said}[^\n]*$"):
            source.list(since)


@pytest.mark.parametrize("failing", range(10))
def test_a_listing_that_fails_half_way_is_not_a_short_one(server: Server, source: S3Source, failing: int) -> None:
    server.put("trail", trail())
    assert source.list()
    # A request of the case before, whose listing failed and was given up, may still come.
    assert len(server.listings()) >= 10
    server.fail("GET", "/trail", Fault(500, "InternalError"), spared=failing)
    with pytest.raises(SourceError, match="InternalError"):
        source.list()


def test_an_answer_that_does_not_come_is_asked_for_again(server: Server) -> None:
    server.put("trail", {"a.json": log_file(record())})
    server.fail("GET", "/a.json", Fault(late=0.8), times=1)
    patience = Patience(silence=timedelta(milliseconds=500), first_pause=timedelta(milliseconds=1))
    hurried = S3Source(open_bucket("trail", endpoint_url=server.endpoint, patience=patience), "trail")
    assert list(hurried.fetch(["a.json"])) == [("a.json", log_file(record()))]
    assert len(server.gets()) > 1


def test_a_server_that_went_away_is_said(aws_environment: pytest.MonkeyPatch) -> None:
    aws_environment.setenv("AWS_ALLOW_HTTP", "true")
    store = S3Store("trail", endpoint="http://127.0.0.1:9", retry_config={"max_retries": 0})
    with pytest.raises(SourceError, match=r"trail/: no answer from http://127\.0\.0\.1:9 \(.*\): check the"):
        S3Source(store, "trail").list()


def test_a_key_that_cannot_be_asked_for_is_said(server: Server, source: S3Source) -> None:
    server.put("trail", {"a//b.json": b""})
    with pytest.raises(SourceError, match=r"cannot list s3://trail/: .*a//.*: name a longer prefix"):
        source.list()
    ((_, content),) = source.fetch(["a//b.json"])
    assert isinstance(content, SourceError)


def test_a_slow_reader_is_waited_for(server: Server, bucket: S3Store) -> None:
    names = [f"{number}.json" for number in range(40)]
    server.put("trail", dict.fromkeys(names, b"{}"))
    slow = S3Source(bucket, "trail", max_objects=8)
    fetched = slow.fetch(names)
    assert next(fetched) == (names[0], b"{}")
    give_up = time.monotonic() + 20
    while len(server.gets()) < 8 and time.monotonic() < give_up:
        time.sleep(0.01)
    time.sleep(0.2)  # for a ninth
    assert len(server.gets()) == 8
    assert [key for key, _ in fetched] == names[1:]


def test_a_reader_who_stops_leaves_nothing_behind(server: Server, source: S3Source) -> None:
    names = [f"{number}.json" for number in range(40)]
    server.put("trail", dict.fromkeys(names, b"{}"))
    fetched = source.fetch(names)
    next(fetched)
    fetched.close()  # type: ignore[attr-defined]
    assert not [each for each in threading.enumerate() if each.name.startswith("prefect-cloudtrail")]


@pytest.mark.parametrize("max_bytes", [1, 300, 10_000])
def test_bytes_may_be_few_and_objects_large(server: Server, max_bytes: int, bucket: S3Store) -> None:
    objects = {f"{number:02}.json": bytes(100 + 20 * (number % 7)) for number in range(30)}
    server.put("trail", objects)
    assert list(S3Source(bucket, "trail", max_bytes=max_bytes).fetch(list(objects))) == list(objects.items())


def test_a_budget_is_kept_except_by_the_next_object() -> None:
    async def taken() -> list[int]:
        budget, order = Budget(10), list[int]()

        async def take(ticket: int, size: int) -> None:
            await budget.take(ticket, size)
            order.append(ticket)

        async def settle() -> None:
            for _ in range(20):
                await asyncio.sleep(0)

        waiting = [asyncio.create_task(take(ticket, size)) for ticket, size in ((1, 6), (2, 6), (3, 4), (0, 50))]
        await settle()
        assert order == [1, 3, 0]  # 2 finds no room, 0 is the one that the reader waits for
        await budget.give_back()
        await settle()
        assert order == [1, 3, 0]
        await budget.give_back()
        await settle()
        await asyncio.gather(*waiting)
        return order

    assert asyncio.run(taken()) == [1, 3, 0, 2]


def test_it_reads_inside_an_event_loop(server: Server, source: S3Source) -> None:
    server.put("trail", {"a.json.gz": gzip.compress(log_file(record()))})

    async def inside() -> int:
        return read_objects(source, source.list()).events.height

    assert asyncio.run(inside()) == 1

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from builders import KEY, Layout, lines, log_file, packed, record

from prefect_cloudtrail.cloudtrail import Parsed, Reason, parse
from prefect_cloudtrail.schema import EVENTS, REJECTED


def parse_one(content: bytes, key: str = KEY) -> Parsed:
    return parse([(key, content)])


def only(column: str, content: bytes, key: str = KEY) -> object:
    return parse_one(content, key).events[column].item()


def refusals(parsed: Parsed) -> list[tuple[int | None, str]]:
    return list(parsed.rejected.select("log.offset", "reason").iter_rows())


@pytest.mark.parametrize(
    "content",
    [
        log_file(record(), record(eventID="e-2")),
        b"\xef\xbb\xbf" + log_file(record(), record(eventID="e-2")),
        json.dumps([record(), record(eventID="e-2")], indent=1).encode(),
        lines(record(), record(eventID="e-2")),
        b"\r\n" + lines(record(), record(eventID="e-2")).replace(b"\n", b"\r\n\r\n"),
        lines({"Records": [record()]}, {"Records": [record(eventID="e-2")]}),
        log_file(record()) + log_file(record(eventID="e-2")),
        packed(lines(record()), lines(record(eventID="e-2"))),
        packed(log_file(record(), record(eventID="e-2"))) + b"\0" * 512,
        gzip.compress(log_file(record(), record(eventID="e-2")), compresslevel=0),
    ],
    ids=["Records", "bom", "list", "lines", "crlf", "files", "joined", "members", "padded", "stored"],
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_records_are_found_in_every_layout(content: bytes, ending: str) -> None:
    parsed = parse_one(content, KEY + ending)
    assert parsed.events.select("event.id", "log.offset").rows() == [("e-1", 0), ("e-2", 1)]
    assert parsed.rejected.is_empty()


def test_one_bare_record_is_read() -> None:
    assert only("event.action", json.dumps(record(), indent=2).encode()) == "CreateUser"


@pytest.mark.parametrize("same", [True, False])
def test_no_member_of_gzip_is_lost(same: bool) -> None:
    members = [lines(record(eventID=f"e-{0 if same else number}")) for number in range(3)]
    assert parse_one(packed(*members)).events.height == 3


@pytest.mark.parametrize(
    "content", [b"", b" \n", b'{"Records":[]}', b'{"Records":null}', b"[]", packed(b""), packed(log_file())]
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_an_empty_object_holds_nothing_and_is_not_damaged(content: bytes, ending: str) -> None:
    parsed = parse_one(content, KEY + ending)
    assert (dict(parsed.events.schema), dict(parsed.rejected.schema)) == (EVENTS, REJECTED)
    assert (parsed.events.height, parsed.rejected.height, parsed.passed_over) == (0, 0, 0)


def test_no_objects_are_no_events() -> None:
    parsed = parse([])
    assert (parsed.events.height, parsed.rejected.height, parsed.bytes) == (0, 0, 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (packed(log_file(record()))[:-9], Reason.BAD_GZIP),
        (packed(log_file(record())) + b"rest", Reason.BAD_GZIP),
        (b"\x1f\x8b\x08", Reason.BAD_GZIP),
        (b"no gzip", Reason.BAD_GZIP),
        (packed(b"no json"), Reason.BAD_JSON),
        (packed(b'{"eventName": "Create'), Reason.BAD_JSON),
        (packed(b'{"version": 1, "Records": [{"even'), Reason.BAD_JSON),
    ],
)
def test_a_damaged_object_is_one_rejection_and_the_others_are_read(content: bytes, reason: Reason) -> None:
    parsed = parse([("a.json.gz", lines(record())), ("b.json.gz", content), ("c.json.gz", lines(record()))])
    assert parsed.rejected.select("log.file.path", "log.offset", "reason").rows() == [("b.json.gz", None, reason)]
    assert parsed.events["log.file.path"].to_list() == ["a.json.gz", "c.json.gz"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (None, Reason.NOT_A_RECORD),
        ("text", Reason.NOT_A_RECORD),
        (["text"], Reason.NOT_A_RECORD),
        ({}, Reason.NOT_A_RECORD),
        (record(eventTime=...), Reason.NO_EVENT_TIME),
        (record(eventTime=""), Reason.NO_EVENT_TIME),
        (record(eventTime="yesterday"), Reason.BAD_EVENT_TIME),
        (record(eventTime="2026-02-30T00:00:00Z"), Reason.BAD_EVENT_TIME),
        (record(eventTime="0001-01-01T00:00:00+01:00"), Reason.BAD_EVENT_TIME),
        (record(eventTime={}), Reason.BAD_EVENT_TIME),
        (record(eventTime=True), Reason.BAD_EVENT_TIME),
        (record(eventName=None), Reason.NO_EVENT_NAME),
        (record(eventName=5), Reason.NO_EVENT_NAME),
        (record(eventSource=...), Reason.NO_EVENT_SOURCE),
        (record(eventSource=["iam"]), Reason.NO_EVENT_SOURCE),
    ],
)
@pytest.mark.parametrize("layout", [log_file, lines])
def test_a_bad_record_costs_only_itself(bad: Any, reason: Reason, layout: Layout) -> None:
    parsed = parse_one(layout(record(), bad, record(eventID="e-2")))
    assert refusals(parsed) == [(1, reason)]
    assert parsed.events.select("event.id", "log.offset").rows() == [("e-1", 0), ("e-2", 2)]


BROKEN = b'{"eventName": , "a": [1, {"b": "]}"}]}'


@pytest.mark.parametrize(
    ("content", "offsets", "bad"),
    [
        (b'{"Records": [%s, %s, %s]}', [0, 2], [(1, Reason.BAD_JSON)]),
        (b"[%s,\n%s,\n%s]", [0, 2], [(1, Reason.BAD_JSON)]),
        (b"%s\n%s\n%s\n", [0, 2], [(1, Reason.BAD_JSON)]),
        (b'{"Records":[%s, %s, %s', [0, 2], [(1, Reason.BAD_JSON), (3, Reason.BAD_JSON)]),
        (b'{"Records":[%s, %s, %s]', [0, 2], [(1, Reason.BAD_JSON), (3, Reason.BAD_JSON)]),
        (b'{"Records":[%s, %s, %s]}, trailing', [0, 2], [(1, Reason.BAD_JSON), (3, Reason.BAD_JSON)]),
    ],
    ids=["Records", "list", "lines", "cut", "open", "trailing"],
)
def test_json_damaged_inside_costs_only_the_damaged_record(
    content: bytes, offsets: list[int], bad: list[tuple[int, Reason]]
) -> None:
    one = json.dumps(record()).encode()
    parsed = parse_one(content % (one, BROKEN, one))
    assert (parsed.events["log.offset"].to_list(), refusals(parsed)) == (offsets, bad)


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_cut_off_object_keeps_its_whole_records_and_says_it_was_cut(cut: int) -> None:
    whole = log_file(*(record(eventID=f"e-{number}") for number in range(4)))
    parsed = parse_one(whole[: len(whole) * cut // 8])
    assert parsed.events["log.offset"].to_list() == list(range(parsed.events.height))
    assert refusals(parsed)[0][1] == Reason.BAD_JSON
    assert parsed.rejected.height == 1


def test_a_damaged_line_before_whole_ones_costs_only_itself() -> None:
    assert refusals(parse_one(b'{"eventVersion":"1.0\n' + lines(record(), record()))) == [(0, Reason.BAD_JSON)]


def test_a_record_nested_too_deep_to_be_decoded_costs_only_itself() -> None:
    deep = json.dumps(record()).encode().replace(b'{"userName": "bob"}', b"[" * 50_000 + b"]" * 50_000)
    one = json.dumps(record()).encode()
    parsed = parse_one(b'{"Records":[%s,%s,%s]}' % (one, deep, one))
    assert (parsed.events["log.offset"].to_list(), refusals(parsed)) == ([0, 2], [(1, Reason.BAD_JSON)])


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (b"bell\\u0007 nul\\u0000", "bell\a nul\0"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\\ud83d\\ude00", "\U0001f600"),
        (b"\\ud83d", "\ufffd"),
        (b"raw\nline", "raw\nline"),
    ],
)
def test_odd_characters_are_kept_or_replaced(written: Any, kept: str) -> None:
    content = log_file(record(), record(userAgent="ODD")).replace(b"ODD", written)
    assert parse_one(content).events["user_agent.original"].to_list() == ["aws-cli/2.15", kept]


def test_a_field_of_a_wrong_type_is_its_text_or_null() -> None:
    odd = record(
        errorMessage={"a": 1},
        errorCode=["x"],
        awsRegion=7,
        userIdentity={"type": "Root", "arn": 12, "accountId": 111122223333, "sessionContext": "x"},
    )
    row = parse_one(log_file(odd)).events.to_dicts()[0]
    assert row["aws.cloudtrail.error_message"] is None
    assert (row["aws.cloudtrail.error_code"], row["event.outcome"]) == ("(not a text)", "failure")
    assert row["cloud.region"] == "7"
    assert row["aws.cloudtrail.user_identity.arn"] == "12"
    assert row["aws.cloudtrail.user_identity.account_id"] == "111122223333"
    assert row["aws.cloudtrail.user_identity.type"] == "Root"


@pytest.mark.parametrize("identity", [None, ..., "root", 5, []])
def test_a_record_of_nobody_is_read(identity: Any) -> None:
    assert only("aws.cloudtrail.user_identity.type", log_file(record(userIdentity=identity))) is None


def test_the_session_is_read() -> None:
    identity = {
        "type": "AssumedRole",
        "onBehalfOf": {"userId": "u-1", "identityStoreArn": "arn:aws:identitystore::111122223333:identitystore/d-1"},
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "arn": "arn:aws:iam::111122223333:role/ops"},
            "attributes": {"mfaAuthenticated": "true", "creationDate": "2026-02-02T09:00:00Z"},
            "sourceIdentity": "alice@example.com",
        },
    }
    row = parse_one(log_file(record(userIdentity=identity))).events.to_dicts()[0]
    user, session = "aws.cloudtrail.user_identity.", "aws.cloudtrail.user_identity.session_context."
    assert row[f"{user}on_behalf_of.user_id"] == "u-1"
    assert row[f"{session}session_issuer.arn"] == "arn:aws:iam::111122223333:role/ops"
    assert row[f"{session}session_issuer.type"] == "Role"
    assert row[f"{session}mfa_authenticated"] is True
    assert row[f"{session}creation_date"] == datetime(2026, 2, 2, 9, tzinfo=UTC)
    assert row[f"{session}source_identity"] == "alice@example.com"


@pytest.mark.parametrize(
    ("written", "read"), [(True, True), ("true", True), (False, False), ("false", False), (1, None), ("yes", None)]
)
def test_flags_are_read_as_booleans_or_texts(written: Any, read: Any) -> None:
    assert only("aws.cloudtrail.read_only", log_file(record(readOnly=written))) is read


AT = datetime(2024, 6, 3, 15, 23, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2024-06-03T15:23:22Z", AT),
        ("2024-06-03 15:23:22.000000000", AT),
        ("2024-06-03T15:23:22.5Z", AT + timedelta(milliseconds=500)),
        ("2024-06-03T15:23:22.123456789Z", AT + timedelta(microseconds=123456)),
        ("2024-06-03T17:23:22+02:00", AT),
        ("2024-06-03T11:23:22-0400", AT),
        ("2024-06-03 15:23:22 UTC", AT),
        (" 2024-06-03T15:23:22Z ", AT),
        ("2024-06-03T15:23Z", AT.replace(second=0)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60.5Z", datetime(2017, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        (1717428202, AT),
        (1717428202.25, AT + timedelta(milliseconds=250)),
        ("1717428202000", AT),
    ],
)
def test_times_are_read_in_every_spelling(written: Any, read: Any) -> None:
    assert only("@timestamp", log_file(record(eventTime=written))) == read


def test_a_record_without_an_id_gets_the_same_one_wherever_it_lies() -> None:
    nameless = record(eventID=..., userAgent='a "quoted\\" text  with blanks')
    ids = {only("event.id", layout) for layout in (log_file(nameless), lines(nameless), packed(log_file(nameless)))}
    ids.add(only("event.id", json.dumps([nameless], indent=3).encode()))
    (one,) = ids
    assert str(one).startswith("sha256:")
    assert len(str(one)) == len("sha256:") + 32


def test_an_id_too_long_for_an_index_is_none() -> None:
    assert str(only("event.id", log_file(record(eventID="x" * 257)))).startswith("sha256:")
    assert only("event.id", log_file(record(eventID="x" * 256))) == "x" * 256
    assert only("aws.cloudtrail.shared_event_id", log_file(record(sharedEventID="x" * 257))) is None


def test_two_records_without_ids_are_two() -> None:
    assert parse_one(log_file(record(eventID=""), record(eventID="", userAgent="x"))).events["event.id"].n_unique() == 2


@pytest.mark.parametrize(
    ("recipient", "caller", "key", "account"),
    [
        ("1" * 12, "2" * 12, f"AWSLogs/{'3' * 12}/CloudTrail/a.json", "1" * 12),
        (..., "2" * 12, f"AWSLogs/{'3' * 12}/CloudTrail/a.json", "2" * 12),
        ("", None, f"AWSLogs/{'3' * 12}/CloudTrail/a.json", "3" * 12),
        (..., ..., f"copy/AWSLogs/o-abc123/{'3' * 12}/CloudTrail/eu-central-1/a.json", "3" * 12),
        (..., ..., "a.json", None),
    ],
)
def test_the_account_is_the_recipients_else_the_callers_else_the_folders(
    recipient: Any, caller: Any, key: str, account: str | None
) -> None:
    identity = {} if caller is ... else {"accountId": caller}
    assert (
        only("cloud.account.id", log_file(record(recipientAccountId=recipient, userIdentity=identity)), key) == account
    )


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "success"),
        ({"errorCode": "AccessDenied"}, "failure"),
        ({"errorCode": ""}, "success"),
        ({"errorCode": None}, "success"),
        ({"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}}, "failure"),
        ({"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Success"}}, "success"),
        ({"eventName": "ConsoleLogin", "responseElements": None}, "success"),
        ({"eventName": "ConsoleLogin", "responseElements": ...}, "success"),
        (
            {
                "eventName": "CheckMfa",
                "eventSource": "signin.amazonaws.com",
                "responseElements": {"CheckMfa": "Failure"},
            },
            "failure",
        ),
        ({"responseElements": {"CreateUser": "Failure"}}, "success"),
    ],
)
def test_the_outcome_is_failure_for_errors_and_refused_sign_ins(fields: dict[str, Any], outcome: str) -> None:
    assert only("event.outcome", log_file(record(**fields))) == outcome


@pytest.mark.parametrize(
    ("fields", "mfa"),
    [
        ({"additionalEventData": {"MFAUsed": "Yes"}}, True),
        ({"additionalEventData": {"MFAUsed": "Yes"}, "responseElements": {"ConsoleLogin": "Failure"}}, None),
        ({"additionalEventData": {"MFAUsed": "Yes"}, "errorCode": "AccessDenied"}, None),
        ({"additionalEventData": {"MFAUsed": "Yes"}, "eventName": "CreateUser"}, None),
        # Who signs in through an identity provider is said not to use MFA, whatever they did there.
        ({"additionalEventData": {"MFAUsed": "No"}}, None),
        ({"additionalEventData": None}, None),
        ({}, None),
    ],
)
def test_a_sign_in_says_that_it_was_made_with_mfa(fields: dict[str, Any], mfa: bool | None) -> None:
    signed_in = {"eventName": "ConsoleLogin", "eventSource": "signin.amazonaws.com"} | fields
    column = "aws.cloudtrail.user_identity.session_context.mfa_authenticated"
    assert only(column, log_file(record(**signed_in))) is mfa


INSIGHT = record(eventCategory="Insight", insightDetails={"state": "Start"}, eventName=...)
DIGEST = {"awsAccountId": "111122223333", "digestS3Bucket": "trail", "logFiles": []}


@pytest.mark.parametrize("layout", [log_file, lines])
def test_insights_and_digests_are_passed_over_and_counted(layout: Layout) -> None:
    parsed = parse_one(layout(record(), INSIGHT, DIGEST, record(insightDetails={}), None))
    assert (parsed.events.height, parsed.passed_over, refusals(parsed)) == (1, 3, [(4, Reason.NOT_A_RECORD)])


def test_a_record_exported_with_every_column_is_no_insight() -> None:
    assert parse_one(log_file(record(insightDetails=None, digestS3Bucket=None))).events.height == 1


@pytest.mark.parametrize(
    "key",
    [
        "AWSLogs/111122223333/CloudTrail-Digest/eu-central-1/a.json.gz",
        "AWSLogs/111122223333/CloudTrail-Insight/eu-central-1/a.json.gz",
        "111122223333_CloudTrail-Digest_eu-central-1_a.json.gz",
        "folder/111122223333_CloudTrail-Insight_eu-central-1_a.json.gz",
    ],
)
def test_an_object_known_by_name_is_passed_over_unread(key: str) -> None:
    parsed = parse_one(b"anything", key)
    assert (parsed.passed_over, parsed.bytes, parsed.rejected.height) == (1, 0, 0)


def test_the_sample_is_short_and_safe_to_print() -> None:
    bad = b'{"eventTime": "\x1b[31m\xe2\x80\xae\xff' + b"x" * 500
    (shown,) = parse_one(bad).rejected["sample"]
    assert shown.startswith('{"eventTime": "\ufffd[31m\ufffd\ufffdxxx')
    assert len(shown) <= 200


@pytest.mark.parametrize(("limit", "reasons"), [(0, []), (-1, ["too_large"])])
@pytest.mark.parametrize("pack", [bytes, packed, lambda text: packed(text[:50], text[50:])])
def test_an_object_over_the_limit_is_rejected(limit: int, reasons: list[str], pack: Callable[[bytes], bytes]) -> None:
    text = log_file(record())
    parsed = parse([(KEY, pack(text))], max_object_bytes=len(text) + limit)
    assert parsed.rejected["reason"].to_list() == reasons
    assert parsed.events.height == 1 - len(reasons)


def test_a_gzip_bomb_is_not_unpacked_whole_even_where_it_lies_about_its_length() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    lying = bomb[:-4] + (10).to_bytes(4, "little")
    parsed = parse([("a.json.gz", bomb), ("b.json.gz", lying)], max_object_bytes=1_000_000)
    assert parsed.rejected["reason"].to_list() == ["too_large", "too_large"]


def test_rows_keep_the_order_of_objects_and_records_over_many_batches() -> None:
    agent = "x" * 50_000
    objects = [
        (f"{number:03}.json", log_file(record(eventID=f"{number}-0", userAgent=agent), None, record(eventID="")))
        for number in range(100)
    ]
    parsed = parse(objects)
    assert parsed.events.select("log.file.path", "log.offset").rows() == [
        (f"{number:03}.json", offset) for number in range(100) for offset in (0, 2)
    ]
    assert parsed.rejected["log.file.path"].to_list() == [key for key, _ in objects]
    assert parsed.bytes == sum(len(content) for _, content in objects)


def test_a_large_object_is_read_in_parts_without_losing_a_row() -> None:
    parsed = parse_one(log_file(*(record(eventID=str(number)) for number in range(9_001))))
    assert parsed.events["event.id"].to_list() == [str(number) for number in range(9_001)]
    assert parsed.events["log.offset"].to_list() == list(range(9_001))

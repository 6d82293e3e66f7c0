from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders import lines, log_file, packed, record
from organisations import learn_until, robbed, run
from polars.testing import assert_frame_equal

from prefect_cloudtrail import parts
from prefect_cloudtrail.cloudtrail import FolderSource, LogObject
from prefect_cloudtrail.demo import Generated
from prefect_cloudtrail.geo import Geo
from prefect_cloudtrail.parts import Asked, Part, in_processes, in_this_process, parts_of, read_part
from prefect_cloudtrail.schema import ARRIVED

NOON = datetime(2026, 2, 2, 12, tzinfo=UTC)
TRAIL = "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/02/02/111122223333_CloudTrail_eu-central-1_20260202T1210Z"


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return robbed(tmp_path_factory.mktemp("organisation"))


@pytest.fixture
def geo(organisation: Generated) -> Geo:
    return Geo.open(organisation.city_db, organisation.asn_db)


def asked(
    geo: Geo, until: datetime = NOON + timedelta(hours=1), since: datetime | None = None, **read: datetime
) -> Asked:
    return Asked(geo, until, since, None, timedelta(hours=2), {f"{TRAIL}_{key}.json": at for key, at in read.items()})


def at(minute: int, **overrides: object) -> dict[str, object]:
    return record(eventID=f"at-{minute}", eventTime=f"2026-02-02T12:{minute:02}:00Z", **overrides)


def objects_of(**held: bytes) -> tuple[list[LogObject], list[bytes]]:
    delivered = NOON + timedelta(minutes=10)
    return [LogObject(f"{TRAIL}_{key}.json", len(text), delivered) for key, text in held.items()], list(held.values())


def ids(part: Part) -> list[str]:
    return part.rows().collect()["event.id"].to_list()


def test_a_part_is_what_its_objects_hold_placed_named_and_dated(geo: Geo) -> None:
    objects, held = objects_of(a=log_file(at(1), None), b=packed(lines(at(2))), c=b"{")
    part = read_part(objects, held, asked(geo))
    assert part.rows().collect_schema() == ARRIVED
    assert part.rows().select("event.id", "command", "window", "hour").collect().rows() == [
        ("at-1", "iam:CreateUser", NOON + timedelta(minutes=15), NOON),
        ("at-2", "iam:CreateUser", NOON + timedelta(minutes=15), NOON),
    ]
    assert part.rejected["reason"].to_list() == ["not_a_record", "bad_json"]
    assert part.bytes == sum(len(text) for text in (log_file(at(1), None), lines(at(2)), b"{"))


def test_what_is_later_is_left_and_what_is_earlier_passed_over(geo: Geo) -> None:
    objects, held = objects_of(a=lines(*map(at, range(6))), b=lines(at(9)))
    part = read_part(objects, held, asked(geo, NOON + timedelta(minutes=3), NOON + timedelta(minutes=1)))
    assert ids(part) == ["at-1", "at-2", "at-3"]
    assert part.left.sort("log.file.path").rows() == [(objects[0].key, 2), (objects[1].key, 1)]
    assert part.passed_over == 1


def test_of_an_object_that_was_read_before_only_what_was_left_is_taken(geo: Geo) -> None:
    objects, held = objects_of(a=lines(*map(at, range(4))), b=lines(at(0)))
    assert ids(read_part(objects, held, asked(geo, a=NOON + timedelta(minutes=2)))) == ["at-3", "at-0"]


def test_a_packed_part_is_small_and_has_the_same_rows(geo: Geo) -> None:
    objects, held = objects_of(a=lines(*(at(minute, errorCode="AccessDenied") for minute in range(60))))
    part = read_part(objects, held, asked(geo))
    sent = part.packed()
    assert isinstance(sent.arrived, bytes)
    assert_frame_equal(sent.rows().collect(), part.rows().collect())
    assert sent.packed() is sent


@pytest.mark.parametrize("count", [1, 2, 3])
def test_parts_are_the_same_wherever_they_are_read(
    count: int, organisation: Generated, geo: Geo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 20_000)
    monkeypatch.setattr(parts, "WORTH_PROCESSES", 0)
    source = FolderSource(organisation.root / "AWSLogs")
    objects = source.list()[:400]
    how = asked(geo, until=learn_until(organisation))
    here, there = list(in_this_process(source, objects, how)), list(in_processes(count)(source, objects, how))
    assert len(here) > 3
    assert [size for size, _ in there] == [size for size, _ in here]
    for (_, one), (_, other) in zip(here, there, strict=True):
        # In which order, is each process' own affair.
        assert_frame_equal(one.rows().collect(), other.rows().collect(), check_row_order=False)
        assert_frame_equal(one.left, other.left, check_row_order=False)


def test_a_run_in_processes_finds_what_a_run_in_this_one_finds(
    organisation: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 200_000)
    monkeypatch.setattr(parts, "WORTH_PROCESSES", 0)
    here, _ = run(organisation, tmp_path / "here")
    there, _ = run(organisation, tmp_path / "there", reading=in_processes(2))
    assert there == here


def test_parts_are_bounded_in_bytes_and_in_number() -> None:
    def sizes(found: Sequence[LogObject]) -> list[int]:
        return [len(part) for part in parts_of(found)]

    assert sizes([LogObject("a", parts.PART_BYTES // 2, None)] * 5) == [2, 2, 1]
    assert sizes([LogObject("a", 10 * parts.PART_BYTES, None)] * 2) == [1, 1]
    assert sizes([LogObject("a", 1, None)] * (parts.PART_OBJECTS + 1)) == [parts.PART_OBJECTS, 1]
    assert sizes([]) == []


def test_where_a_part_costs_more_it_may_be_larger() -> None:
    objects = [LogObject("a", parts.PART_BYTES, None)] * 4
    assert [len(part) for part in parts_of(objects, 2 * parts.PART_BYTES)] == [2, 2]

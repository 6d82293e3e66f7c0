import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from frames import NOON

from prefect_cloudtrail import calendar_file
from prefect_cloudtrail.errors import FeedbackError
from prefect_cloudtrail.feedback import PlannedWork, Scope, TravelNotice, entry

WORK = {
    "kind": "work",
    "since": "2026-04-01T06:00:00+02:00",
    "until": "2026-04-02",
    "account": "111122223333",
    "command": "rds:*",
    "who": "bo",
    "why": "failover",
}
TRIP = {
    "kind": "travel",
    "since": "2026-04-02",
    "until": "2026-04-09",
    "person": "user ana",
    "place": "Lisbon, PT",
    "why": "conference",
}


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2026, 4, number, hour, tzinfo=UTC)


ENTERED = {"by": "maria", "effective_at": NOON}
ENTRIES = [
    entry(
        PlannedWork,
        Scope(account="111122223333", command="rds:*"),
        since=day(1, 4),
        until=day(2),
        why="failover",
        **ENTERED,
        who="bo",
    ),
    entry(
        TravelNotice,
        Scope(person="user ana", place="Lisbon, PT"),
        since=day(2),
        until=day(9),
        why="conference",
        **ENTERED,
    ),
]


def read(folder: Path, name: str, text: str) -> Any:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return calendar_file.read(file, by="maria", effective_at=NOON)


def test_rows_are_the_same_in_every_form(tmp_path: Path) -> None:
    names = [*WORK, "person", "place"]
    lines = [names, *([f'"{row.get(name, "")}"' for name in names] for row in (WORK, TRIP))]
    csv = "\n".join(",".join(line) for line in lines)
    assert read(tmp_path, "a.csv", csv) == ENTRIES
    assert read(tmp_path, "a.csv", f"\ufeff{csv}\r\n") == ENTRIES
    assert read(tmp_path, "a.json", json.dumps([WORK, TRIP])) == ENTRIES
    assert read(tmp_path, "a.jsonl", f"{json.dumps(WORK)}\n\n{json.dumps(TRIP)}\n") == ENTRIES


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "holiday"}, "kind is 'holiday': give work or travel"),
        ({"until": ""}, "until is missing"),
        ({"why": None}, "why is missing"),
        ({"since": "tomorrow"}, "'tomorrow' is not ISO 8601"),
        ({"region": "eu-central-1"}, "no column 'region': there are kind, since"),
        ({"person": ""}, "says who is where"),
        ({"place": "Lisbon"}, "a city with its country"),
    ],
)
def test_a_row_that_cannot_be_recorded_is_named_and_nothing_entered(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(FeedbackError, match=rf"a\.json, row 2: .*{said}.*; nothing was entered"):
        read(tmp_path, "a.json", json.dumps([WORK, TRIP | change]))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "[", "cannot be read"),
        ("a.json", "7", "cannot be read"),
        ("a.json", "[7]", "row 1: it is no row"),
        ("a.jsonl", "{}\n{", "row 1: kind is missing"),
        ("a.csv", "kind,why\nwork,failover,more\n", "no column ''"),
        ("a.csv", 'kind,why\n"work', "cannot be read"),
        ("a.txt", "", "none of .csv, .json and .jsonl"),
    ],
)
def test_a_file_that_is_no_calendar_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(FeedbackError, match=said):
        read(tmp_path, name, text)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match="cannot be read"):
        calendar_file.read(tmp_path / "nothing.csv", by="maria", effective_at=NOON)
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(FeedbackError, match="cannot be read"):
        calendar_file.read(tmp_path / "a.csv", by="maria", effective_at=NOON)

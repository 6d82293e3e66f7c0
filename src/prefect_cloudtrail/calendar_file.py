"""Planned work and travel notices from a file: CSV, JSON, or a JSON row a line."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from prefect_cloudtrail.errors import FeedbackError
from prefect_cloudtrail.feedback import Entry, PlannedWork, Scope, TravelNotice, entry

SCOPES = ("account", "principal", "person", "command", "place", "country")
COLUMNS = ("kind", "since", "until", *SCOPES, "who", "why")
NEEDED = ("kind", "since", "until", "why")
KINDS: dict[str, type[PlannedWork | TravelNotice]] = {"work": PlannedWork, "travel": TravelNotice}


def read(path: Path, *, by: str, effective_at: datetime) -> list[Entry]:
    """Return the file's entries, all of them or none.

    Args:
        path: `.csv`, `.json` (a list of rows) or `.jsonl`; the columns are those of the docs.
        by: who enters them.
        effective_at: from when on they count.

    Raises:
        FeedbackError: a row cannot be recorded; names the row and says why.
    """
    entries: list[Entry] = []
    for number, row in enumerate(_rows(path), 1):
        try:
            entries.append(_entry(row, by, effective_at))
        except FeedbackError as error:
            raise FeedbackError(f"{path}, row {number}: {error}; nothing was entered") from error
    return entries


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".csv":
            yield from csv.DictReader(StringIO(text), restkey="", strict=True)
        elif path.suffix == ".json":
            yield from json.loads(text)
        elif path.suffix == ".jsonl":
            yield from (json.loads(line) for line in text.splitlines() if line.strip())
        else:
            raise FeedbackError(f"{path} is none of .csv, .json and .jsonl")
    except (OSError, ValueError, csv.Error, TypeError, RecursionError) as error:
        raise FeedbackError(f"{path} cannot be read: {error}") from error


def _entry(row: object, by: str, effective_at: datetime) -> Entry:
    if not isinstance(row, dict):
        raise FeedbackError("it is no row with names and values")
    if unknown := sorted(str(name) for name in row if name not in COLUMNS):
        raise FeedbackError(f"no column {unknown[0]!r}: there are {', '.join(COLUMNS)}")
    given = {name: str(value).strip() for name, value in row.items() if value is not None and str(value).strip()}
    if any("\ud800" <= letter <= "\udfff" for text in given.values() for letter in text):
        raise FeedbackError("it holds half of a character, which no text has")
    if missing := [name for name in NEEDED if name not in given]:
        raise FeedbackError(f"{missing[0]} is missing")
    if given["kind"] not in KINDS:
        raise FeedbackError(f"kind is {given['kind']!r}: give work or travel")
    kind = KINDS[given["kind"]]
    who = {"who": given.get("who", "")} if kind is PlannedWork else {}
    return entry(
        kind,
        Scope(**{name: given[name] for name in SCOPES if name in given}),
        since=_moment(given["since"]),
        until=_moment(given["until"]),
        why=given["why"],
        by=by,
        effective_at=effective_at,
        **who,
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FeedbackError(f"{text!r} is not ISO 8601, such as 2026-03-20T00:00:00Z") from error

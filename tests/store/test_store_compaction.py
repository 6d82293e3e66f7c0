"""A run opens dozens of files and not hundreds, and no row is lost or doubled on the way."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from store.case_builders import HOUR, a_change, commit, presences

from prefect_cloudtrail.store import MERGED_ROWS, FileEntry, Store, compaction

MONDAY = datetime(2026, 2, 2, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
QUARTER = timedelta(minutes=15)


def entry(name: str, last: datetime | None, rows: int = 10) -> FileEntry:
    return FileEntry("presences", name, rows, 1_000, last and last - HOUR, last)


def every(step: timedelta, start: datetime, end: datetime, rows: int = 10) -> list[FileEntry]:
    """Return a file for each step of the time between."""
    return [entry(f"{start + step * number}", start + step * number, rows) for number in range((end - start) // step)]


def names(groups: Sequence[Sequence[FileEntry]]) -> list[list[str]]:
    return [[each.name for each in group] for group in groups]


def merged(files: list[FileEntry], groups: Sequence[Sequence[FileEntry]]) -> list[FileEntry]:
    """Return the files after a run that merged the groups."""
    gone = {each.name for group in groups for each in group}
    new = [
        replace(group[-1], name="+".join(each.name for each in group), rows=sum(each.rows for each in group))
        for group in groups
    ]
    left = [each for each in files if each.name not in gone]
    return sorted([*left, *new], key=lambda each: (each.last is None, each.last, each.name))


@pytest.mark.parametrize(("files", "merges"), [(48, 0), (49, 1)])
def test_few_files_are_left_alone(files: int, merges: int) -> None:
    assert len(compaction(every(QUARTER, MONDAY, MONDAY + files * QUARTER), before=MONDAY)) == merges


def test_a_day_becomes_one_file_and_a_week_that_is_over_too() -> None:
    files = every(4 * HOUR, MONDAY, MONDAY + 10 * DAY)
    found = compaction(files, before=MONDAY + WEEK)
    starts = [group[0].last for group in found]
    assert starts == [MONDAY, MONDAY + 7 * DAY, MONDAY + 8 * DAY, MONDAY + 9 * DAY]
    assert [len(group) for group in found] == [42, 6, 6, 6]
    assert sorted(name for group in names(found) for name in group) == sorted(each.name for each in files)


@pytest.mark.parametrize(("before", "files"), [(MONDAY + WEEK, [84]), (MONDAY + WEEK - HOUR, [12] * 7)])
def test_a_week_is_merged_only_once_nothing_asks_for_its_days(before: datetime, files: list[int]) -> None:
    found = compaction(every(2 * HOUR, MONDAY, MONDAY + WEEK), before=before)
    assert [len(group) for group in found] == files


def test_files_without_times_are_left_alone() -> None:
    assert compaction([entry(f"{number}", None) for number in range(100)], before=MONDAY) == []


def test_a_merged_file_is_bounded() -> None:
    files = every(QUARTER, MONDAY, MONDAY + DAY, rows=MERGED_ROWS // 40)
    found = compaction(files, before=MONDAY, rows=10 * MERGED_ROWS)
    assert [len(group) for group in found] == [40, 40, 16]


def test_files_that_are_large_already_are_left_alone() -> None:
    assert compaction(every(QUARTER, MONDAY, MONDAY + DAY, rows=MERGED_ROWS // 2 + 1), before=MONDAY) == []


def test_a_run_merges_no_more_than_it_may_and_the_next_goes_on() -> None:
    files = every(QUARTER, MONDAY, MONDAY + 3 * DAY, rows=1_000)
    first = compaction(files, before=MONDAY, rows=200_000)
    assert [len(group) for group in first] == [96, 96]
    assert [len(group) for group in compaction(merged(files, first), before=MONDAY, rows=200_000)] == [96]
    assert compaction(files, before=MONDAY, rows=0) == []


def test_ninety_days_of_runs_stay_some_dozens_of_files() -> None:
    files: list[FileEntry] = []
    most = rewritten = 0
    for number in range(90 * 96):
        now = MONDAY + number * QUARTER
        files.append(entry(f"{number}", now, rows=20))
        if groups := compaction(files, before=now.replace(hour=0, minute=0) - 3 * DAY):
            rewritten += sum(each.rows for group in groups for each in group)
            files = merged(files, groups)
        most = max(most, len(files))
    assert most <= 80
    assert sum(each.rows for each in files) == 90 * 96 * 20
    # Each row about once a half day, a day and a week: never the whole state.
    assert rewritten < 6 * 90 * 96 * 20


@pytest.mark.parametrize("backend", ["sqlite", "bucket"], indirect=True)
def test_merged_rows_are_the_rows_of_before(store: Store) -> None:
    hours = [MONDAY + number * HOUR for number in range(60)]
    commit(store, *(a_change(f"{hour}", presences=presences(f"{hour}", hour=hour)) for hour in hours))
    before = store.scan("presences").sort("hour").collect()
    groups = compaction(store.files("presences"), before=MONDAY)
    commit(
        store,
        a_change(
            "merges",
            drop_files=[each.name for group in groups for each in group],
            replacements=[store.rows(group) for group in groups],
        ),
    )
    assert [each.rows for each in store.files("presences")] == [24, 24, 12]
    assert_frame_equal(store.scan("presences").sort("hour").collect(), before)
    since = store.scan("presences", since=MONDAY + 2 * DAY).collect()
    assert since["hour"].min() == MONDAY + 2 * DAY


def test_what_a_run_merges_fits_in_its_memory(tmp_path: Path) -> None:
    chance = random.Random(1)  # noqa: S311  # not for secrets
    frame = presences(*(f"arn:aws:sts::111122223333:assumed-role/deploy/{chance.random()}" for _ in range(2_000)))
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and name != "principal"]
    frame = frame.with_columns(pl.lit("eu-central-1.compute.internal").alias(name) for name in texts)
    with Store.open(tmp_path) as store:
        commit(store, a_change(presences=frame))
        (file,) = store.files("presences")
        assert store.rows([file]).estimated_size() / file.rows * MERGED_ROWS < 256 * 2**20

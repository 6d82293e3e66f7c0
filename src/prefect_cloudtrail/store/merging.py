"""Which files to merge, so that a run opens dozens and not hundreds."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from prefect_cloudtrail.store.files import FileEntry

# Merging is worth a run's while from this many files saved on: half a day of runs every 15 minutes.
SAVED_FILES = 48
# What one run merges at most, and so the most rows of a merged file: about 256 MB in memory.
MERGED_ROWS = 400_000


def compaction(files: Sequence[FileEntry], before: datetime, rows: int = MERGED_ROWS) -> list[list[FileEntry]]:
    """Return the files of one kind that are to become one each: those of a week, or of a day that is not before.

    A file belongs to the day of its last row, by which it expires. A merged file holds the rows of its files, no more
    and no other, so it may be merged again: day by day at first, once a week when nothing asks for single days.

    Args:
        files: of one kind, as the manifest names them.
        before: weeks that end by then are merged whole; of later days rows are still asked for by day.
        rows: how many to merge in all.
    """
    periods: dict[datetime, list[FileEntry]] = defaultdict(list)
    for entry in files:
        if entry.last is not None:
            periods[_period(entry.last, before)].append(entry)
    groups = [group for _, entries in sorted(periods.items()) for group in _packed(entries)]
    if sum(len(group) - 1 for group in groups) < SAVED_FILES:
        return []
    return list(_affordable(groups, rows))


def _period(last: datetime, before: datetime) -> datetime:
    """The beginning of the file's week, or of its day."""
    day = last.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    week = day - timedelta(days=day.weekday())
    return week if week + timedelta(days=7) <= before else day


def _packed(entries: Iterable[FileEntry]) -> Iterable[list[FileEntry]]:
    """The files in order, in groups of two or more that are not too large to be one file."""
    group: list[FileEntry] = []
    rows = 0
    for entry in entries:
        if group and rows + entry.rows > MERGED_ROWS:
            if len(group) > 1:
                yield group
            group, rows = [], 0
        group.append(entry)
        rows += entry.rows
    if len(group) > 1:
        yield group


def _affordable(groups: Iterable[list[FileEntry]], rows: int) -> Iterable[list[FileEntry]]:
    """The groups, the first ones first, as long as there are rows left to merge."""
    for group in groups:
        rows -= sum(entry.rows for entry in group)
        if rows < 0:
            return
        yield group

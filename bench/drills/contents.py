"""What a state holds, as far as anybody can see it, and in what two states differ."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from prefect_cloudtrail.card import terminal
from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.notices import NoticeKind
from prefect_cloudtrail.rows import incident_row
from prefect_cloudtrail.store import FileEntry, Store
from prefect_cloudtrail.store.files import KINDS

Contents = dict[str, Any]
SUMMARIES = "summaries"
ALL = 1_000_000
# What depends on the machine, not on what was read.
MEASURED = ("seconds", "peak_rss_mb")


def contents(state: Path, database: str | None) -> Contents:
    """Return everything that must not depend on whether runs were killed, part by part."""
    with Store.read_only(state, database) as store:
        incidents = store.incidents()
        entries = [entry for kind in KINDS for entry in store.files(kind)]
        named = {entry.name for entry in entries}
        return {
            "incidents": [incident_row(incident) for incident in incidents],
            "revisions": [store.revisions(incident.incident_id) for incident in incidents],
            "cards": [terminal(incident) for incident in incidents],
            "to tell": store.to_tell(),
            "outbox": [(row.incident_id, row.revision, row.body) for row in store.outbox_pending()],
            "runs": [(run["window"], run["checkpoint"]) for run in store.runs(limit=ALL)],
            SUMMARIES: [_summary(run) for run in store.runs(limit=ALL)],
            "checkpoint": (store.checkpoint(), store.usual_until()),
            "ledger": _rows(store.ledger()),
            "rejected": _rows(store.rejected()),
            "deliveries": store.notices.deliveries(),
            "notices": store.notices.all(*NoticeKind),
            "places": _rows(store.places()),
            **{kind: _rows(store.scan(kind).collect()) for kind in KINDS},
            "files": sorted(map(_entry, entries), key=repr),
            "files that nothing names": sorted(_on_disk(state) - named),
            "files that are gone": sorted(named - _on_disk(state)),
        }


def differences(expected: Contents, found: Contents) -> list[str]:
    """Return the parts in which a state is not as expected, each with the first that differs."""
    return [_difference(part, expected[part], found[part]) for part in expected if expected[part] != found[part]]


@dataclass(frozen=True)
class Glimpse:
    """How far a state is: how many runs are committed, and how many files nothing names yet."""

    runs: int
    unnamed: int


def glimpse(state: Path, database: str | None) -> Glimpse:
    """Return how far a state is, without touching it: what a killed run left is the next run's to clear up."""
    with TemporaryDirectory(prefix="drill-") as folder:
        if database is None:
            for path in state.glob("cases.db*"):
                shutil.copy(path, folder)
        try:
            with Store.read_only(Path(folder), database) as store:
                named = {entry.name for kind in KINDS for entry in store.files(kind)}
                return Glimpse(len(store.runs(limit=ALL)), len(_on_disk(state) - named))
        except StateError:
            # Killed before there were tables. Were they half made, the next run would fail, and the drill with it.
            return Glimpse(0, len(_on_disk(state)))


def _summary(run: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run["summary"].items() if name not in MEASURED}


def _entry(entry: FileEntry) -> tuple[object, ...]:
    return entry.kind, entry.rows, entry.first, entry.last


def _rows(frame: pl.DataFrame) -> list[str]:
    return sorted(map(repr, frame.iter_rows()))


def _on_disk(state: Path) -> set[str]:
    return {f"{kind}/{path.name}" for kind in KINDS for path in (state / kind).glob("*")}


def _difference(part: str, expected: Any, found: Any) -> str:  # noqa: ANN401
    if not isinstance(expected, list):
        return f"{part}: {found}, not {expected}"
    first = next(_unequal(expected, found), "the order")
    return f"{part}: {len(found)} where {len(expected)} are expected; the first that differs: {first:.300}"


def _unequal(expected: list[Any], found: list[Any]) -> Iterator[str]:
    yield from (f"missing {each}" for each in expected if each not in found)
    yield from (f"too many {each}" for each in found if each not in expected)

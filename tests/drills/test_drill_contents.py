"""A drill that finds nothing is worth something only if it would find what is lost, doubled or left over."""

from pathlib import Path

import pytest
from store.case_builders import NOW, a_change, an_alert, an_incident, index, objects, presences, seen

from bench.drills.contents import contents, differences, glimpse
from prefect_cloudtrail.store import Store


def commit(state: Path, *names: str) -> Path:
    with Store.open(state) as store, store.lease("detect", "drill", 10, NOW) as lease:
        for name in names:
            change = a_change(
                name,
                objects=objects(name),
                seen=seen(name),
                presences=presences(name),
                index=index(name),
                incidents=[an_incident(name, an_alert(name, name, event_ids=(name,)))],
                tell=[(name, 1)],
            )
            store.commit(change, lease)
    return state


@pytest.fixture
def two_runs(tmp_path: Path) -> Path:
    return commit(tmp_path / "two", "1", "2")


def test_two_states_of_the_same_runs_do_not_differ(two_runs: Path, tmp_path: Path) -> None:
    same = commit(commit(tmp_path / "same", "1"), "2")
    assert differences(contents(two_runs, None), contents(same, None)) == []


def test_what_a_run_left_out_is_seen_in_every_part(two_runs: Path, tmp_path: Path) -> None:
    one = contents(commit(tmp_path / "one", "1"), None)
    found = {each.partition(":")[0] for each in differences(contents(two_runs, None), one)}
    parts = {
        "incidents",
        "revisions",
        "cards",
        "to tell",
        "runs",
        "summaries",
        "ledger",
        "seen",
        "presences",
        "index",
    }
    assert found == {*parts, "files"}


def test_files_that_are_left_over_or_gone_are_seen(two_runs: Path) -> None:
    before = contents(two_runs, None)
    (two_runs / "index" / "left.parquet").write_bytes(b"half")
    assert differences(before, contents(two_runs, None)) == [
        "files that nothing names: 1 where 0 are expected; the first that differs: too many index/left.parquet"
    ]


def test_a_glimpse_counts_runs_and_files_without_touching_the_state(two_runs: Path, tmp_path: Path) -> None:
    (two_runs / "index" / "left.parquet").write_bytes(b"half")
    before = {path: path.read_bytes() for path in two_runs.rglob("*.*")}
    assert (glimpse(two_runs, None).runs, glimpse(two_runs, None).unnamed) == (2, 1)
    assert {path: path.read_bytes() for path in two_runs.rglob("*.*")} == before
    assert glimpse(tmp_path / "none", None).runs == 0

"""SQLite that others lock or that the disk fails: said in one line, and nothing is stored."""

import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from store.case_builders import NOW, a_change, an_incident, commit, presences

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store import Store

FULL = a_change(presences=presences("ana"), incidents=[an_incident()])


def test_a_database_that_another_locks_is_not_waited_for_forever(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect_cloudtrail.store.database.BUSY_SECONDS", 0.1)
    with Store.open(state) as store, store.lease("detect", "a", 10, NOW) as lease:
        with closing(sqlite3.connect(state / "cases.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StateError, match=r"cases\.db is busy for over 0\.1 s .*see what else works on it"):
                store.commit(FULL, lease)
            other.execute("ROLLBACK")
        assert store.runs() == []
        store.commit(FULL, lease)
        assert store.incidents() == FULL.incidents


def test_a_disk_that_is_full_is_said(state: Path) -> None:
    with Store.open(state) as store:
        commit(store, a_change("run-1"))
    with closing(sqlite3.connect(state / "cases.db")) as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    with Store.open(state) as store:
        with store._database._engine.connect() as connection:  # noqa: SLF001  # the pool's one, to which it goes back
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        many = [an_incident(f"{number}", summary="x" * 2_000) for number in range(200)]
        with pytest.raises(StateError, match=r"no room left on its disk .*make room, then try again"):
            commit(store, a_change("run-2", incidents=many))
        assert [run["run_id"] for run in store.runs()] == ["run-1"]
        assert store.incidents() == []


def test_a_database_that_may_not_grow_says_what_to_see_to(state: Path) -> None:
    with Store.open(state) as store:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((state / "cases.db").stat().st_size, hard))
        try:
            many = [an_incident(f"{number}", summary="x" * 2_000) for number in range(400)]
            with pytest.raises(
                StateError, match=r"cases\.db cannot be read or written \(disk I/O error\): see that its"
            ):
                commit(store, a_change("run-1", incidents=many))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert store.runs() == []


def test_a_file_that_cannot_be_written_is_said_and_nothing_is_stored(state: Path) -> None:
    with Store.open(state) as store:
        (state / "presences").rmdir()
        with pytest.raises(StateError, match=r"cannot write .*presences/.*see that there is room"):
            commit(store, FULL)
        assert store.runs() == []


def test_a_body_that_fails_is_told_rather_than_a_lease_that_cannot_be_given_back(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefect_cloudtrail.store.database.BUSY_SECONDS", 0.1)
    with Store.open(state) as store, closing(sqlite3.connect(state / "cases.db", isolation_level=None)) as other:
        with pytest.raises(sqlite3.OperationalError, match="nothing") as raised, store.lease("detect", "a", 10, NOW):
            other.executescript("BEGIN IMMEDIATE; SELECT nothing")
        assert "the lease could not be given back" in raised.value.__notes__[0]

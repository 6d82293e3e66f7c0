"""A state is made, migrated or refused, and a refusal changes nothing."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from polars.testing import assert_frame_equal
from store.backends import Backend, assert_tables_are_those_of_the_program
from store.case_builders import NOW, a_change, an_incident, commit, presences, seen

from prefect_cloudtrail.errors import NewerStateError, StateError
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.database import migrations
from prefect_cloudtrail.store.tables import HEAD

NOBODY = 65_534


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder, and a user that file rights hold for: root is nobody meanwhile."""
    with TemporaryDirectory() as folder:
        if os.geteuid() != 0:
            yield Path(folder)
            return
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def execute(state: Path, statement: str) -> None:
    with closing(sqlite3.connect(state / "cases.db")) as connection, connection:
        connection.execute(statement)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_migrations_make_the_tables(state: Path) -> None:
    Store.open(state).close()
    assert_tables_are_those_of_the_program(f"sqlite:///{state / 'cases.db'}")


def test_the_tables_are_those_of_the_last_migration() -> None:
    assert ScriptDirectory.from_config(migrations()).get_heads() == [HEAD]


def test_what_the_look_back_knew_of_an_older_state_is_known_still(state: Path) -> None:
    state.mkdir()
    with closing(sqlite3.connect(state / "cases.db")) as old:
        old.execute("PRAGMA journal_mode = WAL")
    engine = sa.create_engine(f"sqlite:///{state / 'cases.db'}")
    with engine.begin() as connection:
        config = migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        connection.execute(sa.text("INSERT INTO state (number, kind) VALUES (1, 'live')"))
        connection.execute(
            sa.text("INSERT INTO event_keys VALUES ('one', :at), ('two', :at)"), {"at": NOW.replace(tzinfo=None)}
        )
    engine.dispose()
    for _ in range(2):
        with Store.open(state) as store:
            assert_frame_equal(store.scan("seen", NOW).collect(), seen("one", "two"))
            assert store.sweep() == []


def test_an_existing_state_opens_without_alembic(state: Path) -> None:
    Store.open(state).close()
    program = (
        "import pathlib, sys; from prefect_cloudtrail.store import Store\n"
        "with Store.open(pathlib.Path(sys.argv[1])) as store: print(store.kind, 'alembic' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program, state], capture_output=True, check=True, text=True)
    assert said.stdout == "live False\n"


def test_sqlite_keeps_what_it_said_it_kept(state: Path) -> None:
    with Store.open(state) as store, store._database.reading() as connection:  # noqa: SLF001  # a power cut cannot be tried here
        answers = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert answers == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_newer_state_is_refused_unchanged(state: Path) -> None:
    Store.open(state).close()
    execute(state, "UPDATE alembic_version SET version_num = '9999'")
    before = contents(state)
    with pytest.raises(NewerStateError, match=r"newer version .*9999.*update"):
        Store.open(state)
    with pytest.raises(NewerStateError):
        Store.read_only(state)
    assert contents(state) == before


def test_a_process_that_outlived_an_update_stores_nothing_and_says_so(backend: Backend) -> None:
    with backend.open() as outlived:
        commit(outlived, a_change("run-1"))
        _set_revision(backend, "9999")
        try:
            for write in (
                lambda: commit(outlived, a_change("run-2")),
                lambda: outlived.responses.beat("responder", NOW),
                lambda: outlived.responses.set_breaker(tripped=True, by="ana", why="to see", now=NOW),
            ):
                with pytest.raises(NewerStateError, match=r"migrated .* to 9999 since .*: update prefect-cloudtrail"):
                    write()
            assert [run["run_id"] for run in outlived.runs()] == ["run-1"]
            assert outlived.responses.last_beat("responder") is None
            assert not outlived.responses.breaker().tripped
        finally:
            _set_revision(backend, HEAD)


def _set_revision(backend: Backend, revision: str) -> None:
    """Put the tables' revision back, as other tests use the same database."""
    where = backend.database or f"sqlite:///{Path(backend.state) / 'cases.db'}"
    engine = sa.create_engine(where.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    engine.dispose()


@pytest.mark.parametrize(("kind", "other"), [("live", "backtest"), ("backtest", "live")])
def test_a_state_of_the_other_kind_is_refused(state: Path, kind: str, other: str) -> None:
    with Store.open(state, kind=kind) as store:  # type: ignore[arg-type]
        assert store.kind == kind
    with pytest.raises(StateError, match=f"holds a {kind} state, not a {other} one"):
        Store.open(state, kind=other)  # type: ignore[arg-type]
    with Store.read_only(state) as store:
        assert store.kind == kind


def test_a_file_that_is_no_database_is_refused_unchanged(state: Path) -> None:
    state.mkdir()
    (state / "cases.db").write_bytes(b"these are notes, and no database" * 100)
    before = contents(state)
    for refuse in (Store.open, Store.read_only):
        with pytest.raises(StateError, match=r"cases\.db is not a usable database"):
            refuse(state)
    assert contents(state) == before


def test_the_database_of_another_program_is_refused(state: Path) -> None:
    state.mkdir()
    execute(state, "CREATE TABLE flow_run (id TEXT)")
    for refuse in (Store.open, Store.read_only):
        with pytest.raises(StateError, match="another program"):
            refuse(state)


def test_a_file_in_the_folders_place_is_refused(state: Path) -> None:
    state.touch()
    with pytest.raises(StateError, match="cannot make the state folder"):
        Store.open(state)
    with pytest.raises(StateError, match="cannot make the state folder"):
        Store.open(state / "below")


def test_a_folder_without_rights_is_refused(unprivileged: Path) -> None:
    unprivileged.chmod(0o500)
    with pytest.raises(StateError, match="cannot make the state folder"):
        Store.open(unprivileged / "state")
    with pytest.raises(StateError, match="cannot make the state folder"):
        Store.open(unprivileged)
    unprivileged.chmod(0o700)


@pytest.mark.parametrize("name", ["", "index", "cases.db"])
def test_a_state_without_rights_is_refused(unprivileged: Path, name: str) -> None:
    Store.open(unprivileged).close()
    mode = (unprivileged / name).stat().st_mode
    (unprivileged / name).chmod(0o500)
    with pytest.raises(StateError, match="is not writable: give this user the rights"):
        Store.open(unprivileged)
    (unprivileged / name).chmod(mode)


def test_a_new_database_beside_old_files_is_refused(state: Path, tmp_path: Path) -> None:
    with Store.open(state) as store:
        commit(store, a_change(presences=presences("ana")))
    before = contents(state)
    with pytest.raises(StateError, match="files that another database names"):
        Store.open(state, f"sqlite:///{tmp_path / 'other.db'}")
    assert contents(state) == before


def test_a_database_elsewhere_is_used(state: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    with Store.open(state, url) as store:
        commit(store, a_change(incidents=[an_incident()]))
    with Store.read_only(state, url) as store:
        assert store.incidents() == [an_incident()]
    assert not (state / "cases.db").exists()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("mysql://ana:secret@db.example.com/cases", r"mysql://ana:\*\*\*@db\.example\.com/cases is neither"),
        ("secret", "URL cannot be read"),
        ("postgresql+nothing://db.example.com/cases", "no driver for"),
        ("sqlite+nothing:///cases.db", "no driver for"),
        ("postgresql://ana:secret@db.example.com:secret/cases", "URL cannot be read"),
        ("mysql://db.example.com/cases?password=secret", r"mysql://db\.example\.com/cases is neither"),
        ("sqlite:////nowhere/at/all/cases.db", "cannot be written or opened"),
    ],
)
def test_a_database_that_cannot_be_spoken_to_is_refused(state: Path, url: str, reason: str) -> None:
    with pytest.raises(StateError, match=reason) as raised:
        Store.open(state, url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", [None, "sqlite:///{state}/nothing.db"])
def test_there_is_nothing_to_read_before_the_first_run(state: Path, url: str | None) -> None:
    with pytest.raises(StateError, match=r"no state in .*: run detect first"):
        Store.read_only(state, url and url.format(state=state))
    assert not state.exists()


def test_what_is_opened_for_reading_cannot_be_written(backend: Backend) -> None:
    with backend.open() as store:
        commit(store, a_change(presences=presences("ana")))
    with backend.read_only() as store:
        assert store.checkpoint() == NOW
        assert store.scan("presences").collect().height == 1
        with pytest.raises(StateError, match=r"read-?only"):
            commit(store, a_change("run-2"))


def test_a_state_is_read_while_it_is_written(store: Store, backend: Backend) -> None:
    with backend.read_only() as reader, store.lease("detect", "a", 10, NOW) as lease:
        assert reader.runs() == []
        store.commit(a_change(), lease)
        assert len(reader.runs()) == 1

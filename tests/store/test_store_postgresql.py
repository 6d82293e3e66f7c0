"""PostgreSQL: made, migrated or refused like SQLite, and its own ways to fail."""

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import postgresql
import pytest
import sqlalchemy as sa
from sqlalchemy import event
from store.backends import Backend, assert_tables_are_those_of_the_program
from store.case_builders import HOUR, NOW, a_change, an_incident, commit, presences, seen

from prefect_cloudtrail.errors import NewerStateError, StateError
from prefect_cloudtrail.store import Store


@pytest.fixture(scope="module")
def own_server() -> Iterator[postgresql.Server]:
    """A server that a test may stop."""
    with postgresql.server() as server:
        yield server


@pytest.fixture
def stoppable(own_server: postgresql.Server, state: Path) -> Iterator[Backend]:
    with own_server.database() as url:
        yield Backend(str(state), url)


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def commit_while(store: Store, happens: Callable[[], None]) -> None:
    with store.lease("detect", "a", 10, NOW) as lease:
        happens()
        store.commit(FULL, lease)


def rows_of(server: postgresql.Server, url: str) -> dict[str, int]:
    return {
        table: server.execute(f"SELECT count(*) FROM {table}", name_of(url))[0][0]  # noqa: S608
        for table in ("runs", "files", "objects", "incidents")
    }


WRONG = "another-example"
NOTHING = {"runs": 0, "files": 0, "objects": 0, "incidents": 0}
FULL = a_change(seen=seen("e"), presences=presences("ana"), incidents=[an_incident()])


def test_the_migrations_make_the_tables(state: Path, database: str) -> None:
    Store.open(state, database).close()
    assert_tables_are_those_of_the_program(database.replace("postgresql://", "postgresql+psycopg://"))


def test_every_text_is_sorted_as_sqlite_sorts_it(postgres: postgresql.Server, emptied: str) -> None:
    found = postgres.execute(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type = 'text'",
        name_of(emptied),
    )
    assert {collation for _, _, collation in found} == {"C"}
    assert len(found) > 30


def test_several_that_find_it_missing_make_it_once(state: Path, database: str, postgres: postgresql.Server) -> None:
    threads = [Thread(target=lambda: Store.open(state, database).close()) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert postgres.execute("SELECT count(*) FROM state", name_of(database)) == [(1,)]


def test_a_newer_state_is_refused(state: Path, with_tables: str, postgres: postgresql.Server) -> None:
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", name_of(with_tables))
    for refuse in (Store.open, Store.read_only):
        with pytest.raises(NewerStateError, match=r"newer version .*9999.*update"):
            refuse(state, with_tables)


def test_a_state_of_the_other_kind_is_refused(state: Path, emptied: str) -> None:
    with pytest.raises(StateError, match="holds a live state, not a backtest one"):
        Store.open(state, emptied, kind="backtest")


def test_the_database_of_another_program_is_refused(state: Path, database: str, postgres: postgresql.Server) -> None:
    postgres.execute("CREATE TABLE flow_run (id text)", name_of(database))
    for refuse in (Store.open, Store.read_only):
        with pytest.raises(StateError, match="another program"):
            refuse(state, database)


def test_there_is_nothing_to_read_before_the_first_run(state: Path, database: str) -> None:
    with pytest.raises(StateError, match=r"no state in .*: run detect first"):
        Store.read_only(state, database)


def test_a_new_database_beside_old_files_is_refused(state: Path, database: str) -> None:
    with Store.open(state) as store:
        commit(store, FULL)
    with pytest.raises(StateError, match="files that another database names"):
        Store.open(state, database)


def test_a_database_that_cannot_hold_every_text_is_refused(state: Path, postgres: postgresql.Server) -> None:
    with (
        postgres.database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0") as url,
        pytest.raises(StateError, match="is encoded in LATIN1: create it with ENCODING 'UTF8'"),
    ):
        Store.open(state, url)


@pytest.mark.parametrize("spelling", ["postgres://", "postgresql+psycopg://"])
def test_other_spellings_of_the_url_work(state: Path, emptied: str, spelling: str) -> None:
    with Store.open(state, emptied.replace("postgresql://", spelling)) as store:
        assert store.runs() == []


def test_a_schema_of_its_own_is_used(state: Path, database: str, postgres: postgresql.Server) -> None:
    postgres.execute("CREATE SCHEMA cases", name_of(database))
    postgres.execute("CREATE TABLE flow_run (id text)", name_of(database))
    with Store.open(state, f"{database}?options=-csearch_path%3Dcases") as store:
        commit(store, FULL)
    assert postgres.execute("SELECT count(*) FROM cases.runs", name_of(database)) == [(1,)]


def test_moments_are_the_same_in_a_server_of_another_time_zone(
    state: Path, with_tables: str, postgres: postgresql.Server
) -> None:
    postgres.execute(f"ALTER DATABASE {name_of(with_tables)} SET timezone = 'America/St_Johns'")
    with Store.open(state, with_tables) as store:
        commit(store, FULL)
        assert store.checkpoint() == NOW
        assert store.checkpoint().utcoffset() == 0 * HOUR  # type: ignore[union-attr]
        assert store.incidents() == FULL.incidents


def test_a_wrong_password_is_said_and_not_shown(state: Path, postgres: postgresql.Server) -> None:
    with pytest.raises(StateError, match="does not let this user in: check name and password") as raised:
        Store.open(state, postgres.url(password=WRONG))
    assert WRONG not in str(raised.value)


def test_a_database_that_is_not_there_is_said(state: Path, postgres: postgresql.Server) -> None:
    with pytest.raises(StateError, match="/nowhere does not exist: create it"):
        Store.open(state, postgres.url("nowhere"))


def test_a_user_without_rights_is_told_which(state: Path, database: str, postgres: postgresql.Server) -> None:
    postgres.execute("DROP ROLE IF EXISTS reader")
    postgres.execute(f"CREATE ROLE reader LOGIN PASSWORD '{WRONG}'")
    url = postgres.url(name_of(database), user="reader", password=WRONG)
    with pytest.raises(StateError, match="refuses this: grant the user the right") as raised:
        Store.open(state, url)
    assert WRONG not in str(raised.value)


def test_a_server_that_is_not_there_is_said(state: Path) -> None:
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql://ana:secret@127.0.0.1:{closed.getsockname()[1]}/cases"
        with pytest.raises(StateError, match="cannot be reached: check its address") as raised:
            Store.open(state, url)
    assert "secret" not in str(raised.value)


def test_a_server_that_does_not_answer_is_not_waited_for(state: Path) -> None:
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"postgresql://ana:secret@127.0.0.1:{silent.getsockname()[1]}/cases?connect_timeout=2"
        with pytest.raises(StateError, match="cannot be reached"):
            Store.open(state, url)


def test_an_option_that_postgresql_does_not_know_is_said(state: Path, emptied: str) -> None:
    with pytest.raises(StateError, match="sslmod"):
        Store.open(state, f"{emptied}?sslmod=require")


def test_a_missing_driver_is_said(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        StateError, match=r"no driver for .*ana:\*\*\*@.*install prefect-cloudtrail\[postgres\]"
    ) as raised:
        Store.open(state, "postgresql://ana:secret@db.example.com/cases?password=secret")
    assert "secret" not in str(raised.value)


def test_a_server_restarted_between_two_commits_is_no_error(stoppable: Backend, own_server: postgresql.Server) -> None:
    with stoppable.open() as store, store.lease("detect", "a", 10, NOW) as lease:
        store.commit(a_change("run-1"), lease)
        own_server.stop()
        own_server.start()
        store.commit(a_change("run-2"), lease)
        assert [run["run_id"] for run in store.runs()] == ["run-2", "run-1"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_server_stopped_during_a_run_leaves_nothing_of_it(
    stoppable: Backend, own_server: postgresql.Server, how: signal.Signals
) -> None:
    with stoppable.open() as store:
        with pytest.raises(StateError, match="cannot be reached") as raised:
            commit_while(store, lambda: own_server.stop(how))
        assert "could not be given back" in raised.value.__notes__[0]
        own_server.start()
        assert rows_of(own_server, str(stoppable.database)) == NOTHING
        with store.lease("detect", "b", 10, NOW + HOUR) as lease:
            store.sweep()
            assert stoppable.files() == set()
            store.commit(FULL, lease)
        assert store.incidents() == FULL.incidents


@pytest.mark.parametrize("table", ["runs", "files", "incidents"])
def test_a_server_that_cuts_off_a_transaction_leaves_nothing_of_it(
    in_postgresql: Backend, postgres: postgresql.Server, table: str
) -> None:
    url = str(in_postgresql.database)

    def cut_off(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(f"INSERT INTO {table}"):
            process = connection.connection.dbapi_connection.info.backend_pid  # type: ignore[union-attr]
            postgres.execute(f"SELECT pg_terminate_backend({process}, 5000)")

    with in_postgresql.open() as store:
        event.listen(store._database._engine, "before_cursor_execute", cut_off)  # noqa: SLF001
        with pytest.raises(StateError, match=r"was stopped or restarted|went away"):
            commit(store, FULL)
    assert rows_of(postgres, url) == NOTHING
    with in_postgresql.open() as store:
        commit(store, FULL)
        assert store.incidents() == FULL.incidents


def test_a_table_that_another_locks_is_not_waited_for_forever(
    in_postgresql: Backend, postgres: postgresql.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefect_cloudtrail.store.postgresql.LOCK_SECONDS", 0.2)
    other = sa.create_engine(sa.make_url(str(in_postgresql.database)).set(drivername="postgresql+psycopg"))
    with in_postgresql.open() as store:
        with other.begin() as connection:
            connection.exec_driver_sql("LOCK TABLE runs IN EXCLUSIVE MODE")
            with pytest.raises(StateError, match=r"is busy for over .* s: see what else works on it"):
                commit(store, FULL)
        assert rows_of(postgres, str(in_postgresql.database)) == NOTHING
        commit(store, FULL)
    other.dispose()

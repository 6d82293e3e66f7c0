"""A state as any earlier version wrote it is brought to this one's tables with every row, and whatever kills that."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from store.backends import assert_tables_are_those_of_the_program
from store.case_builders import a_change, commit, seen

from prefect_cloudtrail.errors import StateError
from prefect_cloudtrail.store import Store
from prefect_cloudtrail.store.database import migrations
from prefect_cloudtrail.store.tables import HEAD

TESTS = Path(__file__).parents[1]
REVISIONS = sorted(each.revision for each in ScriptDirectory.from_config(migrations()).walk_revisions())
EARLIER = [revision for revision in REVISIONS if revision != HEAD]
# What no table of this version is called: its rows became a file.
BECAME_A_FILE = "event_keys"
# Elsewhere the database numbers the rows.
GIVEN_A_NUMBER = {"state", "audit"}
MOMENT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def engine_of(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def as_of(revision: str, url: str) -> dict[str, list[dict[str, Any]]]:
    """Make the tables of a revision with a row in each, and return those."""
    engine = engine_of(url)
    written: dict[str, list[dict[str, Any]]] = {}
    with engine.begin() as connection:
        config = migrations()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        then = sa.MetaData()
        then.reflect(connection)
        for table in then.sorted_tables:
            if table.name == "alembic_version":
                continue
            columns = [each for each in table.columns if each.name != "number" or table.name in GIVEN_A_NUMBER]
            row = {column.name: value(table, column, engine.dialect.name) for column in columns}
            connection.execute(sa.insert(table), [row])
            written[table.name] = [row]
    engine.dispose()
    return written


def value(table: sa.Table, column: sa.Column[Any], dialect: str) -> Any:
    """Return what fits a column; rows that name one another name the same."""
    by_name = {("state", "kind"): "live", ("runs", "summary"): "{}"}
    by_type = {
        sa.DateTime: MOMENT.replace(tzinfo=None) if dialect == "sqlite" else MOMENT,
        sa.Date: date(2026, 1, 30),
        sa.Boolean: True,
        sa.Integer: 1,
        sa.Float: 0.1 + 0.2,
        sa.Text: f"{column.name} of an earlier version",
    }
    fits = (given for kind, given in by_type.items() if isinstance(column.type, kind))
    return by_name.get((table.name, column.name)) or next(fits)


def rows(url: str) -> dict[str, list[dict[str, Any]]]:
    engine = engine_of(url)
    with engine.connect() as connection:
        now = sa.MetaData()
        now.reflect(connection)
        found = {
            table.name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in now.sorted_tables
        }
    engine.dispose()
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, state: Path) -> Iterator[str]:
    """Where an empty database is, or will be."""
    state.mkdir()
    if request.param == "sqlite":
        yield f"sqlite:///{state / 'cases.db'}"
    else:
        yield request.getfixturevalue("database")


def assert_every_row_is_kept(before: dict[str, list[dict[str, Any]]], url: str) -> None:
    after = rows(url)
    for name, written in before.items():
        if name == BECAME_A_FILE:
            continue
        for row in written:
            kept = [{column: each[column] for column in row} for each in after[name]]
            assert row in kept, name


@pytest.mark.parametrize("revision", EARLIER)
def test_every_row_of_an_earlier_version_is_kept(revision: str, url: str, state: Path) -> None:
    before = as_of(revision, url)
    Store.open(state, url).close()
    assert_every_row_is_kept(before, url)
    assert_tables_are_those_of_the_program(url.replace("postgresql://", "postgresql+psycopg://"))
    with Store.open(state, url) as store:
        known = store.files("seen")
        assert [each.rows for each in known] == ([1] if BECAME_A_FILE in before else [])
        commit(store, a_change("run-2", seen=seen("one")))
        assert [run["run_id"] for run in store.runs()] == ["run-2", "run_id of an earlier version"]


# Killed in the last revision, when those before it have made their tables and written their file.
KILLED = """
import os, pathlib, signal, sys
import sqlalchemy as sa
from prefect_cloudtrail.store import Store

@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def before(connection, cursor, statement, parameters, context, many):
    if "CREATE TABLE notices" in statement:
        os.kill(os.getpid(), signal.SIGKILL)

Store.open(pathlib.Path(sys.argv[1]), sys.argv[2])
"""


def test_a_migration_that_was_killed_changed_nothing_and_is_repeated(url: str, state: Path) -> None:
    before = as_of("0001", url)
    tables = rows(url)
    ended = subprocess.run([sys.executable, "-c", KILLED, state, url], cwd=TESTS, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert rows(url) == tables
    with pytest.raises(StateError, match="was written by an older version: run detect once to migrate it"):
        Store.read_only(state, url)
    with Store.open(state, url) as store:
        assert len(store.sweep()) == 1  # the file of the one that was killed, which nothing names
        assert [each.rows for each in store.files("seen")] == [1]
    assert_every_row_is_kept(before, url)
    assert rows(url)["alembic_version"] == [{"version_num": HEAD}]

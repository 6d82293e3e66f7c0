"""Inserts that may meet a row already there, the same on SQLite and PostgreSQL."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]
T = TypeVar("T")

# Well under what either database takes as parameters of one statement.
BATCH = 1_000


def insert(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return the dialect's own INSERT, which knows `on_conflict`."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_or_ignore(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert the rows whose key is not there yet; the first one wins."""
    if rows:
        connection.execute(insert(connection, table).on_conflict_do_nothing(), rows)


def insert_or_update(connection: sa.Connection, table: sa.Table, rows: Sequence[Row], columns: Sequence[str]) -> None:
    """Insert the rows; where the key is there, take over `columns` and leave the others as they are."""
    if rows:
        statement = insert(connection, table)
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={column: statement.excluded[column] for column in columns},
        )
        connection.execute(statement, rows)


def batches(values: Sequence[T]) -> Iterator[list[T]]:
    """Return the values in lists short enough for an `IN`."""
    values_left = iter(values)
    while batch := list(islice(values_left, BATCH)):
        yield batch

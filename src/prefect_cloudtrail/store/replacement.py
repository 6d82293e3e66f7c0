"""History placed anew: the files that take the places of others, and their one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from prefect_cloudtrail.store.change import PLACE_COLUMNS, drop_files, file_row, rows
from prefect_cloudtrail.store.files import FileEntry
from prefect_cloudtrail.store.statements import insert_or_update
from prefect_cloudtrail.store.tables import FILES, PLACES, STATE


@dataclass(frozen=True)
class Replacement:
    """What a change of the geo databases does to a state; it is stored whole or not at all.

    `written` are files that `Store.write_ahead` wrote, in the places of `dropped`, manifest names.
    """

    geo_build: str
    written: Sequence[FileEntry]
    dropped: Sequence[str]
    places: pl.DataFrame  # PLACES, each as it now lies


def store(connection: sa.Connection, replacement: Replacement) -> list[str]:
    """Name the new files instead of the old ones and return the names of those, to be deleted after the commit."""
    dropped = drop_files(connection, replacement.dropped, "placing history anew")
    if replacement.written:
        connection.execute(sa.insert(FILES), [file_row(entry) for entry in replacement.written])
    columns = [column.name for column in PLACES.columns if not column.primary_key]
    insert_or_update(connection, PLACES, rows(replacement.places, PLACE_COLUMNS), columns)
    connection.execute(sa.update(STATE).values(geo_build=replacement.geo_build))
    return dropped

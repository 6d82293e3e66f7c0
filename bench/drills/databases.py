"""An empty database for each state of a drill."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import sqlalchemy as sa


@contextmanager
def empty_database(server: str | None) -> Iterator[str | None]:
    """Give the URL of a new database on the server, dropped at the end; None, which is SQLite, without a server.

    Args:
        server: `postgresql://USER:PASSWORD@HOST/NAME` of any database there; the user may create others.
    """
    if server is None:
        yield None
        return
    url = sa.make_url(server)
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    name = f"drill_{uuid4().hex}"
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()

"""What PostgreSQL needs beside SQLAlchemy: how to connect, how long to wait, and its complaints with what to do."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from prefect_cloudtrail.errors import StateError

DRIVER = "postgresql+psycopg"
# Both spellings are in use; SQLAlchemy itself knows the first, and takes another driver for it.
NAMES = ("postgresql", "postgres")

# What ends a wait: for a server that does not answer, for one that went away, for another's lock.
CONNECT_SECONDS = 10
SILENCE_SECONDS = 30
LOCK_SECONDS = 30

ENCODING = "UTF8"

# By SQLSTATE: what it means and what to do.
ANSWERS = {
    "25006": "is opened for reading only",
    "42501": "refuses this: grant the user the right to create and change tables in it",
    "53100": "has no room left on its disk: make room, then try again",
    "53300": "has no connection left: see what else works on it, then try again",
    "55P03": f"is busy for over {LOCK_SECONDS} s: see what else works on it, then try again",
    "57P01": "was stopped or restarted: try again; the next run goes on from what is stored",
}


def without_secrets(url: sa.URL) -> str:
    """Return the URL as messages say it: no password, and no query, which may hold one, too."""
    return url.set(query={}).render_as_string(hide_password=True)


def arguments(url: sa.URL) -> dict[str, Any]:
    """Return how to connect; what the URL itself says wins."""
    given: dict[str, Any] = {
        "application_name": "prefect-cloudtrail",
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": SILENCE_SECONDS,
        "tcp_user_timeout": SILENCE_SECONDS * 1_000,
    }
    return {name: value for name, value in given.items() if name not in url.query}


def tune(engine: sa.Engine) -> None:
    """Bound each transaction's waiting for locks, and have its moments come as UTC."""

    @event.listens_for(engine, "begin")
    def _(connection: sa.Connection) -> None:
        # Set for one transaction, so that it holds behind a pooler, too.
        connection.exec_driver_sql(
            f"SELECT set_config('lock_timeout', '{LOCK_SECONDS}s', true), set_config('TimeZone', 'UTC', true)"
        )


def require_unicode(connection: sa.Connection, database: str) -> None:
    """Refuse a database that cannot hold every text.

    Raises:
        StateError: names its encoding.
    """
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != ENCODING:
        raise StateError(f"{database} is encoded in {encoding}: create it with ENCODING '{ENCODING}'")


def explain(error: DBAPIError, database: str) -> str | None:
    """Return what the error means and what to do, in one line; None where the server's own words must do."""
    said = " ".join(str(error.orig).split())
    answer = ANSWERS.get(getattr(error.orig, "sqlstate", None) or "")
    if answer:
        return f"{database} {answer} ({said})"
    # Before there is a session, the driver passes on words only.
    if "authentication failed" in said or "no password supplied" in said or "no pg_hba.conf entry" in said:
        return f"{database} does not let this user in: check name and password in --database ({said})"
    if 'database "' in said and "does not exist" in said:
        return f"{database} does not exist: create it, or correct --database ({said})"
    if error.connection_invalidated:
        return f"{database} went away: try again; the next run goes on from what is stored ({said})"
    if "connection" in said and ("failed" in said or "timeout" in said):
        return f"{database} cannot be reached: check its address in --database, and that it runs ({said})"
    return None

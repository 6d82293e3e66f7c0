"""The case store's tables. The migrations make them; a test holds the two together."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

# The revision that these tables are: an existing state at it is opened without Alembic's machinery.
HEAD = "0007"

# What stands for U+0000 where the database cannot hold it: a character of nobody's, which a record could not mean.
NUL = "\U0010fffd"


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A moment, aware and UTC on both sides; SQLite itself would drop the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment as the database keeps it.

        Raises:
            ValueError: it has no zone, so it could be any of 26 hours.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment, aware and UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Text(sa.TypeDecorator[str]):
    """A text, sorted by its code points; PostgreSQL itself would sort by language, and refuses U+0000."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Return the type as the database knows it."""
        return sa.Text(collation="C") if dialect.name == "postgresql" else sa.Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as the database keeps it."""
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace("\0", NUL)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it was given."""
        if value is None or dialect.name != "postgresql":
            return value
        return value.replace(NUL, "\0")


# SQLite numbers rows by itself only where the type is exactly INTEGER.
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    },
)

# One row: what this state is, how far it has come, which geo databases history is placed by, when a run last ended.
STATE = sa.Table(
    "state",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("checkpoint", UtcDateTime),
    sa.Column("usual_until", sa.Date),
    sa.Column("geo_build", Text),
    sa.Column("run_ended_at", UtcDateTime),
)

# The manifest: a file that has no row here does not exist.
FILES = sa.Table(
    "files",
    METADATA,
    sa.Column("name", Text, primary_key=True),
    sa.Column("kind", Text, nullable=False, index=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("first", UtcDateTime),
    sa.Column("last", UtcDateTime),
)

# The ledger of log objects; the counts are those of the last read. `delivered` is null where no name says it.
OBJECTS = sa.Table(
    "objects",
    METADATA,
    sa.Column("path", Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("delivered", UtcDateTime, index=True),
    sa.Column("read_until", UtcDateTime),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
)

REJECTED = sa.Table(
    "rejected",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("path", Text),
    sa.Column("record", sa.BigInteger),
    sa.Column("reason", Text),
    sa.Column("sample", Text),
)

PLACES = sa.Table(
    "places",
    METADATA,
    sa.Column("place", Text, primary_key=True),
    sa.Column("city", Text),
    sa.Column("country", Text),
    sa.Column("latitude", sa.Double),
    sa.Column("longitude", sa.Double),
    sa.Column("accuracy_km", sa.Double),
)

# Columns for what is searched; the document is the incident whole, without its alerts.
INCIDENTS = sa.Table(
    "incidents",
    METADATA,
    sa.Column("incident_id", Text, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("principal", Text, nullable=False, index=True),
    sa.Column("person", Text, nullable=False, index=True),
    sa.Column("account_id", Text, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False, index=True),
    sa.Column("closes_at", UtcDateTime, nullable=False, index=True),
    sa.Column("risk", sa.Double, nullable=False),
    sa.Column("severity", Text, nullable=False),
    sa.Column("status", Text, nullable=False),
    sa.Column("document", Text, nullable=False),
)

# What an incident was, each time it changed; never rewritten.
INCIDENT_REVISIONS = sa.Table(
    "incident_revisions",
    METADATA,
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run_id", Text, nullable=False),
    sa.Column("risk", sa.Double, nullable=False),
    sa.Column("severity", Text, nullable=False),
    sa.Column("status", Text, nullable=False),
    sa.Column("document", Text, nullable=False),
)

ALERTS = sa.Table(
    "alerts",
    METADATA,
    sa.Column("alert_id", Text, primary_key=True),
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("rule", Text, nullable=False),
    sa.Column("severity", Text, nullable=False),
    sa.Column("risk_score", sa.Integer, nullable=False),
    sa.Column("principal", Text, nullable=False),
    sa.Column("principal_kind", Text, nullable=False),
    sa.Column("person", Text, nullable=False),
    sa.Column("account_id", Text, nullable=False),
    sa.Column("command", Text, nullable=False),
    sa.Column("outcome", Text, nullable=False),
    sa.Column("level", Text, nullable=False),
    sa.Column("hour", UtcDateTime, nullable=False),
    sa.Column("raised_at", UtcDateTime, nullable=False),
    sa.Column("surprise", sa.Double, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("counts", Text, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("over_limit", sa.Boolean, nullable=False),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("suppressed_by", Text),
)

ALERT_EVENTS = sa.Table(
    "alert_events",
    METADATA,
    sa.Column("alert_id", Text, sa.ForeignKey("alerts.alert_id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("event_id", Text, nullable=False, index=True),
)

# Which revisions somebody must hear of, and since when that is under way.
TELL = sa.Table(
    "tell",
    METADATA,
    sa.Column("incident_id", Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("marked_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.ForeignKeyConstraint(
        ["incident_id", "revision"],
        ["incident_revisions.incident_id", "incident_revisions.revision"],
    ),
)

OUTBOX = sa.Table(
    "outbox",
    METADATA,
    sa.Column("outbox_id", Text, primary_key=True),
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("channel", Text, nullable=False),
    sa.Column("body", Text, nullable=False),
    sa.Column("written_at", UtcDateTime, nullable=False),
    sa.Column("confirmed_at", UtcDateTime),
    sa.UniqueConstraint("incident_id", "revision", "channel"),
)

# The token grows with each holder, so one that stalled past its time is told from the one that followed.
LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("name", Text, primary_key=True),
    sa.Column("owner", Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("run_id", Text, nullable=False, unique=True),
    sa.Column("first_window", UtcDateTime, nullable=False),
    sa.Column("last_window", UtcDateTime, nullable=False),
    sa.Column("checkpoint", UtcDateTime, nullable=False),
    sa.Column("summary", Text, nullable=False),
)

# What people called incidents; `person`, `opened_at`, `risk` and `places` are the incident's as it was then.
VERDICTS = sa.Table(
    "verdicts",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("incident_id", Text, nullable=False, index=True),
    sa.Column("verdict", Text, nullable=False),
    sa.Column("given_by", Text, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("effective_at", UtcDateTime, nullable=False),
    sa.Column("person", Text, nullable=False),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("risk", sa.Double, nullable=False),
    sa.Column("places", Text, nullable=False),
)

# Suppressions, planned work and travel notices; never changed, an end is a row of its own.
ENTRIES = sa.Table(
    "entries",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("entry_id", Text, nullable=False, unique=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("scope", Text, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
    sa.Column("who", Text),
    sa.Column("why", Text, nullable=False),
    sa.Column("given_by", Text, nullable=False),
    sa.Column("effective_at", UtcDateTime, nullable=False),
)

ENDINGS = sa.Table(
    "endings",
    METADATA,
    sa.Column("entry_id", Text, sa.ForeignKey("entries.entry_id"), primary_key=True),
    sa.Column("why", Text, nullable=False),
    sa.Column("given_by", Text, nullable=False),
    sa.Column("effective_at", UtcDateTime, nullable=False),
)

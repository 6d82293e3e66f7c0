"""The case store's first tables.

Revision 0001. It stands as it was written: later revisions change the tables, not this file.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    _make_manifest()
    _make_run_log()
    _make_incidents()
    _make_alerts()
    _make_outbox()


def _make_manifest() -> None:
    op.create_table(
        "state",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("checkpoint", MOMENT),
        sa.Column("usual_until", sa.Date),
    )
    op.create_table(
        "files",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False, index=True),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("first", MOMENT),
        sa.Column("last", MOMENT),
    )
    op.create_table(
        "objects",
        sa.Column("path", TEXT, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("delivered", MOMENT, index=True),
        sa.Column("read_until", MOMENT),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("duplicates", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "event_keys",
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("at", MOMENT, nullable=False, index=True),
    )
    op.create_table(
        "places",
        sa.Column("place", TEXT, primary_key=True),
        sa.Column("city", TEXT),
        sa.Column("country", TEXT),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("accuracy_km", sa.Double),
    )


def _make_run_log() -> None:
    op.create_table(
        "leases",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("run_id", TEXT, nullable=False, unique=True),
        sa.Column("first_window", MOMENT, nullable=False),
        sa.Column("last_window", MOMENT, nullable=False),
        sa.Column("checkpoint", MOMENT, nullable=False),
        sa.Column("summary", TEXT, nullable=False),
    )
    op.create_table(
        "rejected",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("path", TEXT),
        sa.Column("record", sa.BigInteger),
        sa.Column("reason", TEXT),
        sa.Column("sample", TEXT),
    )


def _make_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", TEXT, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("principal", TEXT, nullable=False, index=True),
        sa.Column("person", TEXT, nullable=False, index=True),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False, index=True),
        sa.Column("closes_at", MOMENT, nullable=False, index=True),
        sa.Column("risk", sa.Double, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
    )
    op.create_table(
        "incident_revisions",
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("risk", sa.Double, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
    )


def _make_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", TEXT, primary_key=True),
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("risk_score", sa.Integer, nullable=False),
        sa.Column("principal", TEXT, nullable=False),
        sa.Column("principal_kind", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("command", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("hour", MOMENT, nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("surprise", sa.Double, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("counts", TEXT, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("over_limit", sa.Boolean, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "alert_events",
        sa.Column("alert_id", TEXT, sa.ForeignKey("alerts.alert_id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event_id", TEXT, nullable=False, index=True),
    )


def _make_outbox() -> None:
    op.create_table(
        "tell",
        sa.Column("incident_id", TEXT, primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("marked_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["incident_id", "revision"],
            ["incident_revisions.incident_id", "incident_revisions.revision"],
        ),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", TEXT, primary_key=True),
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT),
        sa.UniqueConstraint("incident_id", "revision", "channel"),
    )

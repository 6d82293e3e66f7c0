"""The case store's first tables.

Revision 0001. It stands as it was written: later revisions change the tables, not this file.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

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
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("checkpoint", MOMENT),
        sa.Column("usual_until", sa.Date),
    )
    op.create_table(
        "files",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False, index=True),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("first", MOMENT),
        sa.Column("last", MOMENT),
    )
    op.create_table(
        "objects",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("read_until", MOMENT),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("duplicates", sa.BigInteger, nullable=False),
        sa.Column("rejected", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "event_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("at", MOMENT, nullable=False, index=True),
    )
    op.create_table(
        "places",
        sa.Column("place", sa.Text, primary_key=True),
        sa.Column("city", sa.Text),
        sa.Column("country", sa.Text),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("accuracy_km", sa.Double),
    )


def _make_run_log() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.Text, nullable=False, unique=True),
        sa.Column("first_window", MOMENT, nullable=False),
        sa.Column("last_window", MOMENT, nullable=False),
        sa.Column("checkpoint", MOMENT, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
    )
    op.create_table(
        "rejected",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("path", sa.Text),
        sa.Column("record", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.Column("sample", sa.Text),
    )


def _make_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.Text, primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False, index=True),
        sa.Column("person", sa.Text, nullable=False, index=True),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False, index=True),
        sa.Column("closes_at", MOMENT, nullable=False, index=True),
        sa.Column("risk", sa.Double, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_table(
        "incident_revisions",
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incidents.incident_id"), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("risk", sa.Double, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )


def _make_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text, primary_key=True),
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("risk_score", sa.Integer, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("principal_kind", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("hour", MOMENT, nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("surprise", sa.Double, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("over_limit", sa.Boolean, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "alert_events",
        sa.Column("alert_id", sa.Text, sa.ForeignKey("alerts.alert_id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event_id", sa.Text, nullable=False, index=True),
    )


def _make_outbox() -> None:
    op.create_table(
        "tell",
        sa.Column("incident_id", sa.Text, primary_key=True),
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
        sa.Column("outbox_id", sa.Text, primary_key=True),
        sa.Column("incident_id", sa.Text, sa.ForeignKey("incidents.incident_id"), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("confirmed_at", MOMENT),
        sa.UniqueConstraint("incident_id", "revision", "channel"),
    )

"""The response: contexts, requests, decisions, receipts, manual steps, watches, breaker, audit, heartbeats.

Revision 0004. It stands as it was written: later revisions change the tables, not this file.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "contexts",
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("gathered_at", MOMENT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("request_id", TEXT, primary_key=True),
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
        sa.Column("playbook", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("plan", TEXT, nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("delivered_at", MOMENT),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("decision_id", TEXT, primary_key=True),
        sa.Column("request_id", TEXT, sa.ForeignKey("requests.request_id"), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("choice", TEXT, nullable=False),
        sa.Column("decided_by", TEXT, nullable=False),
        sa.Column("via", TEXT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("signature", TEXT, nullable=False),
        sa.UniqueConstraint("request_id", "decided_by"),
    )
    op.create_table(
        "settlements",
        sa.Column("request_id", TEXT, sa.ForeignKey("requests.request_id"), primary_key=True),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("decision_id", TEXT, sa.ForeignKey("decisions.decision_id"), nullable=False),
        sa.Column("settled_at", MOMENT, nullable=False),
    )
    op.create_table(
        "receipts",
        sa.Column("receipt_id", TEXT, primary_key=True),
        sa.Column("decision_id", TEXT, sa.ForeignKey("decisions.decision_id"), nullable=False),
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("step", TEXT, nullable=False),
        sa.Column("before", TEXT, nullable=False),
        sa.Column("after", TEXT),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("said", TEXT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("applied_at", MOMENT),
        sa.Column("verified_at", MOMENT),
        sa.Column("undone_by", TEXT),
        sa.UniqueConstraint("decision_id", "position"),
    )
    op.create_table(
        "manual_steps",
        sa.Column("decision_id", TEXT, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("done_at", MOMENT),
        sa.Column("done_by", TEXT),
        sa.Column("why", TEXT),
    )
    op.create_table(
        "watches",
        sa.Column("decision_id", TEXT, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("said", TEXT, nullable=False),
        sa.Column("applied_at", MOMENT, nullable=False),
        sa.Column("next_at", MOMENT),
        sa.Column("contained_at", MOMENT),
    )
    op.create_table(
        "breaker",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("tripped", sa.Boolean, nullable=False),
        sa.Column("given_by", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("incident_id", TEXT, index=True),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("previous", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
    )

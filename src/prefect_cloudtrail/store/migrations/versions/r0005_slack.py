"""Slack: messages, cards, owners asked; and what Prefect was told of.

Revision 0005. It stands as it was written: later revisions change the tables, not this file.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "slack_messages",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("message_id", TEXT, nullable=False, unique=True),
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("attempted_at", MOMENT),
        sa.Column("ts", TEXT),
        sa.Column("place", TEXT),
        sa.Column("sent", TEXT),
        sa.Column("sent_at", MOMENT),
        sa.Column("next_at", MOMENT),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("said", TEXT),
        sa.Column("dropped_at", MOMENT),
        sa.UniqueConstraint("incident_id", "name", "channel"),
    )
    op.create_table(
        "slack_cards",
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), primary_key=True),
        sa.Column("next_at", MOMENT, index=True),
        sa.Column("first_told_at", MOMENT),
        sa.Column("first_severity", TEXT),
        sa.Column("link", TEXT),
    )
    op.create_table(
        "owners_asked",
        sa.Column("incident_id", TEXT, sa.ForeignKey("incidents.incident_id"), primary_key=True),
        sa.Column("member", TEXT, nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("answer", TEXT),
        sa.Column("answered_at", MOMENT),
    )
    op.create_table(
        "shown",
        sa.Column("decision_id", TEXT, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
    )
    # Until now Prefect carried out, or was told at once.
    op.execute("INSERT INTO shown (decision_id, at) SELECT decision_id, applied_at FROM watches")

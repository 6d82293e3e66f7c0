"""Silence: when each account delivered, what people must hear of it, and when a run last ended.

Revision 0007. It stands as it was written: later revisions change the tables, not this file.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision: str | None = "0006"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and the state's column."""
    op.create_table(
        "deliveries",
        sa.Column("account", TEXT, primary_key=True),
        sa.Column("first", MOMENT, nullable=False),
        sa.Column("last", MOMENT, nullable=False),
        sa.Column("gaps", TEXT, nullable=False),
    )
    op.create_table(
        "notices",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("notice_id", TEXT, nullable=False, unique=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False, index=True),
        sa.Column("sentence", TEXT, nullable=False),
        sa.Column("happened_at", MOMENT, nullable=False),
        sa.Column("noticed_at", MOMENT, nullable=False),
        sa.Column("told_with", TEXT),
        sa.Column("ended_at", MOMENT),
        sa.Column("shown_at", MOMENT),
        sa.Column("emitted_at", MOMENT),
        sa.Column("attempted_at", MOMENT),
        sa.Column("posted_at", MOMENT, index=True),
        sa.Column("ts", TEXT),
        sa.Column("next_at", MOMENT),
        sa.Column("failures", sa.Integer, nullable=False),
    )
    op.add_column("state", sa.Column("run_ended_at", MOMENT))

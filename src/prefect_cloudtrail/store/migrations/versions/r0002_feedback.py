"""What people said: verdicts, suppressions, planned work and travel; and which alerts a suppression covers.

Revision 0002. It stands as it was written: later revisions change the tables, not this file.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
MOMENT = sa.DateTime(timezone=True)
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and the alerts' column."""
    op.create_table(
        "verdicts",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("incident_id", TEXT, nullable=False, index=True),
        sa.Column("verdict", TEXT, nullable=False),
        sa.Column("given_by", TEXT, nullable=False),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("effective_at", MOMENT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("risk", sa.Double, nullable=False),
        sa.Column("places", TEXT, nullable=False),
    )
    op.create_table(
        "entries",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("entry_id", TEXT, nullable=False, unique=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("who", TEXT),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("given_by", TEXT, nullable=False),
        sa.Column("effective_at", MOMENT, nullable=False),
    )
    op.create_table(
        "endings",
        sa.Column("entry_id", TEXT, sa.ForeignKey("entries.entry_id"), primary_key=True),
        sa.Column("why", TEXT, nullable=False),
        sa.Column("given_by", TEXT, nullable=False),
        sa.Column("effective_at", MOMENT, nullable=False),
    )
    op.add_column("alerts", sa.Column("suppressed_by", TEXT))

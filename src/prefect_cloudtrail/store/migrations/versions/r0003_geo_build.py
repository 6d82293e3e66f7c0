"""Which geo databases history is placed by; null where that was not recorded.

Revision 0003. It stands as it was written: later revisions change the tables, not this file.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the column."""
    op.add_column("state", sa.Column("geo_build", TEXT))

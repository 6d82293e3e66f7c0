"""The look-back's events, of which there may be millions, lie in files instead of a table.

Revision 0006. It stands as it was written: later revisions change the tables, not this file.
"""

from datetime import UTC

import sqlalchemy as sa
from alembic import context, op

revision = "0006"
down_revision: str | None = "0005"

MOMENT = sa.DateTime(timezone=True)
KEYS = sa.table("event_keys", sa.column("key", sa.Text()), sa.column("at", MOMENT))
FILES = sa.table(
    "files",
    sa.column("name", sa.Text()),
    sa.column("kind", sa.Text()),
    sa.column("rows", sa.BigInteger()),
    sa.column("bytes", sa.BigInteger()),
    sa.column("first", MOMENT),
    sa.column("last", MOMENT),
)


def upgrade() -> None:
    """Write what the table holds to a file, and name that."""
    connection = op.get_bind()
    # SQLite knows no zones: there every moment is UTC, and so is what goes in.
    local = connection.dialect.name == "sqlite"
    keys = [
        (key, at.replace(tzinfo=UTC) if local else at)
        for key, at in connection.execute(sa.select(KEYS.c.key, KEYS.c.at).order_by(KEYS.c.at, KEYS.c.key))
    ]
    if keys:
        entry = dict(context.config.attributes["keep_seen"](keys))
        if local:
            entry |= {name: entry[name].replace(tzinfo=None) for name in ("first", "last")}
        op.bulk_insert(FILES, [entry])
    op.drop_table("event_keys")

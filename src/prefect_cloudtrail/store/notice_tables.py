"""The case store's tables of silence: when each account delivered, and what people must hear of it."""

import sqlalchemy as sa

from prefect_cloudtrail.store.tables import METADATA, NUMBER, Text, UtcDateTime

# One row an account, and one of all together; `gaps` is JSON: pairs of seconds since 1970.
DELIVERIES = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("account", Text, primary_key=True),
    sa.Column("first", UtcDateTime, nullable=False),
    sa.Column("last", UtcDateTime, nullable=False),
    sa.Column("gaps", Text, nullable=False),
)

# `shown_at` by a run on its output, `emitted_at` to Prefect, `posted_at` in Slack, where its id is `ts`.
NOTICES = sa.Table(
    "notices",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("notice_id", Text, nullable=False, unique=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("subject", Text, nullable=False, index=True),
    sa.Column("sentence", Text, nullable=False),
    sa.Column("happened_at", UtcDateTime, nullable=False),
    sa.Column("noticed_at", UtcDateTime, nullable=False),
    sa.Column("told_with", Text),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("shown_at", UtcDateTime),
    sa.Column("emitted_at", UtcDateTime),
    sa.Column("attempted_at", UtcDateTime),
    sa.Column("posted_at", UtcDateTime, index=True),
    sa.Column("ts", Text),
    sa.Column("next_at", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False),
)

"""The case store's tables of Slack: what was said there, and when to look again."""

import sqlalchemy as sa

from prefect_cloudtrail.store.tables import METADATA, NUMBER, Text, UtcDateTime

# Stored before it is posted; its id is in the posted message's metadata.
SLACK_MESSAGES = sa.Table(
    "slack_messages",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("message_id", Text, nullable=False, unique=True),
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("channel", Text, nullable=False),
    sa.Column("body", Text, nullable=False),
    sa.Column("written_at", UtcDateTime, nullable=False),
    sa.Column("attempted_at", UtcDateTime),
    sa.Column("ts", Text),
    sa.Column("place", Text),
    sa.Column("sent", Text),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("next_at", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("said", Text),
    sa.Column("dropped_at", UtcDateTime),
    sa.UniqueConstraint("incident_id", "name", "channel"),
)

# One row an incident that is told in Slack.
SLACK_CARDS = sa.Table(
    "slack_cards",
    METADATA,
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), primary_key=True),
    sa.Column("next_at", UtcDateTime, index=True),
    sa.Column("first_told_at", UtcDateTime),
    sa.Column("first_severity", Text),
    sa.Column("link", Text),
)

# "Was this you?", and the first answer.
OWNERS_ASKED = sa.Table(
    "owners_asked",
    METADATA,
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), primary_key=True),
    sa.Column("member", Text, nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("answer", Text),
    sa.Column("answered_at", UtcDateTime),
)

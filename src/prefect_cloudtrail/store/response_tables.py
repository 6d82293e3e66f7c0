"""The case store's tables of the response: what was asked, answered and done."""

import sqlalchemy as sa

from prefect_cloudtrail.store.tables import METADATA, NUMBER, Text, UtcDateTime

# The guide's questions, answered; one document a revision.
CONTEXTS = sa.Table(
    "contexts",
    METADATA,
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("gathered_at", UtcDateTime, nullable=False),
    sa.Column("document", Text, nullable=False),
)

# A plan put before people. Never changed but for when it was delivered, and from then when it expires.
REQUESTS = sa.Table(
    "requests",
    METADATA,
    sa.Column("request_id", Text, primary_key=True),
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
    sa.Column("playbook", Text, nullable=False),
    sa.Column("digest", Text, nullable=False),
    sa.Column("plan", Text, nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
    sa.Column("delivered_at", UtcDateTime),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

# One row a person and request; never changed.
DECISIONS = sa.Table(
    "decisions",
    METADATA,
    sa.Column("decision_id", Text, primary_key=True),
    sa.Column("request_id", Text, sa.ForeignKey("requests.request_id"), nullable=False),
    sa.Column("digest", Text, nullable=False),
    sa.Column("choice", Text, nullable=False),
    sa.Column("decided_by", Text, nullable=False),
    sa.Column("via", Text, nullable=False),
    sa.Column("decided_at", UtcDateTime, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("key_id", Text, nullable=False),
    sa.Column("signature", Text, nullable=False),
    sa.UniqueConstraint("request_id", "decided_by"),
)

# The one row that settles a request; who inserts it has won.
SETTLEMENTS = sa.Table(
    "settlements",
    METADATA,
    sa.Column("request_id", Text, sa.ForeignKey("requests.request_id"), primary_key=True),
    sa.Column("outcome", Text, nullable=False),
    sa.Column("decision_id", Text, sa.ForeignKey("decisions.decision_id"), nullable=False),
    sa.Column("settled_at", UtcDateTime, nullable=False),
)

# What came of each step of an approved plan; `before` is written first, and never again.
RECEIPTS = sa.Table(
    "receipts",
    METADATA,
    sa.Column("receipt_id", Text, primary_key=True),
    sa.Column("decision_id", Text, sa.ForeignKey("decisions.decision_id"), nullable=False),
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("step", Text, nullable=False),
    sa.Column("before", Text, nullable=False),
    sa.Column("after", Text),
    sa.Column("outcome", Text, nullable=False),
    sa.Column("said", Text, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("applied_at", UtcDateTime),
    sa.Column("verified_at", UtcDateTime),
    sa.Column("undone_by", Text),
    sa.UniqueConstraint("decision_id", "position"),
)

# What only people can do, of an approved plan.
MANUAL_STEPS = sa.Table(
    "manual_steps",
    METADATA,
    sa.Column("decision_id", Text, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
    sa.Column("text", Text, nullable=False),
    sa.Column("done_at", UtcDateTime),
    sa.Column("done_by", Text),
    sa.Column("why", Text),
)

# One row an approved plan that was applied: until its quiet is proven.
WATCHES = sa.Table(
    "watches",
    METADATA,
    sa.Column("decision_id", Text, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("incident_id", Text, sa.ForeignKey("incidents.incident_id"), nullable=False, index=True),
    sa.Column("state", Text, nullable=False),
    sa.Column("said", Text, nullable=False),
    sa.Column("applied_at", UtcDateTime, nullable=False),
    sa.Column("next_at", UtcDateTime),
    sa.Column("contained_at", UtcDateTime),
)

# What was carried out, and Prefect was told of.
SHOWN = sa.Table(
    "shown",
    METADATA,
    sa.Column("decision_id", Text, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

# The last row is how it stands.
BREAKER = sa.Table(
    "breaker",
    METADATA,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("tripped", sa.Boolean, nullable=False),
    sa.Column("given_by", Text, nullable=False),
    sa.Column("why", Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)

# Each row holds the hash of the one before it.
AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("incident_id", Text, index=True),
    sa.Column("document", Text, nullable=False),
    sa.Column("previous", Text, nullable=False),
    sa.Column("hash", Text, nullable=False),
)

# A row a part of the responder, and one more for each version in which it worked: `responder 0.1.0`.
HEARTBEATS = sa.Table(
    "heartbeats",
    METADATA,
    sa.Column("name", Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)

# What the responder alone may write; the rest it reads.
OF_THE_RESPONDER = (DECISIONS, SETTLEMENTS, RECEIPTS, MANUAL_STEPS, WATCHES, SHOWN, BREAKER, AUDIT, HEARTBEATS)

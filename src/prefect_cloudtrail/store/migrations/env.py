"""Runs the revisions on the connection it is given, inside that connection's transaction."""

from alembic import context

from prefect_cloudtrail.store.tables import METADATA

# SQLite takes DDL in transactions too, so a migration that dies halfway leaves the state as it was.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

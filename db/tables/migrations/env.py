"""Runs the migrations in the transaction of the connection that `db.upkeep.upgrade` passes in."""

from alembic import context

import db.tables.audit
import db.tables.imaging  # noqa: F401 - imported for their tables
from db.tables.columns import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

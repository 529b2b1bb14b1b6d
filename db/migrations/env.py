"""Runs the migrations on the connection that `db.schema` hands over, within its transaction."""

from alembic import context

import db.audit_tables
import db.tables  # noqa: F401 - imported for their tables
from db.columns import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

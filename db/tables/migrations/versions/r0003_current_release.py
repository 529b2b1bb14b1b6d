"""Which release is current, and how far a job's run is, in numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns that may be empty: no row is rewritten."""
    op.add_column("model_release", sa.Column("current_since", sa.DateTime(timezone=True)))
    op.add_column("job_run", sa.Column("rows_done", _BIG_ID))
    op.add_column("job_run", sa.Column("rows_total", _BIG_ID))
    op.add_column("job_run", sa.Column("position", _BIG_ID))

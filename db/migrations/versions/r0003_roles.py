"""The roles on PostgreSQL: the owner is whoever runs this, the others get what they need."""

from alembic import op

revision = "0003"
down_revision = "0002"

# Roles belong to the whole server: another database may have made them, perhaps this moment. An
# owner who may not make roles gets none, and `pneumoscreen db check` says so.
_MAKE_ROLE = """
DO $$ BEGIN
    CREATE ROLE {role} NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
    WHEN insufficient_privilege THEN RAISE NOTICE 'role {role} is for an administrator to make';
END $$
"""
_GRANT = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        {grants}
    END IF;
END $$
"""
_GRANTS = {
    # Runs the product: rows, no DDL. It may not rewrite or delete what happened.
    "pneumoscreen_service": """
        GRANT SELECT, INSERT, UPDATE ON study, instance, source_file, screening, finding,
            model_release, acknowledgement, feedback, ordered_priority, job_run
            TO pneumoscreen_service;
        GRANT DELETE ON finding TO pneumoscreen_service;
        GRANT SELECT, INSERT ON event TO pneumoscreen_service;
        GRANT SELECT ON reason, alembic_version, worklist_v1 TO pneumoscreen_service;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO pneumoscreen_service;
    """,
    # A RIS or a dashboard.
    "worklist_reader": "GRANT SELECT ON worklist_v1 TO worklist_reader;",
    # An integration engine that passes on the priority that was ordered.
    "priority_writer": """
        GRANT INSERT (accession_number, priority) ON ordered_priority TO priority_writer;
        GRANT USAGE ON SEQUENCE ordered_priority_ordered_priority_id_seq TO priority_writer;
    """,
}


def upgrade() -> None:
    """Make the roles and grant them their tables; SQLite knows no roles."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for role, grants in _GRANTS.items():
        op.execute(_MAKE_ROLE.format(role=role))
        op.execute(_GRANT.format(role=role, grants=grants))

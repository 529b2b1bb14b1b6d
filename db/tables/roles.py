"""The roles on PostgreSQL: the owner is whoever upgrades, the others get what they need.

This module must not know any login: a site grants these roles to its own, or gives them passwords.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from db.connection.errors import DatabaseError

GRANTS: Final = {
    # Runs the product: rows, no DDL. It may not rewrite or delete what happened.
    "pneumoscreen_service": """
        GRANT SELECT, INSERT, UPDATE ON study, instance, source_file, screening, finding,
            model_release, acknowledgement, feedback, ordered_priority, job_run
            TO pneumoscreen_service;
        GRANT DELETE ON finding TO pneumoscreen_service;
        GRANT SELECT, INSERT ON event TO pneumoscreen_service;
        GRANT SELECT ON reason, alembic_version, worklist_v1 TO pneumoscreen_service;
        GRANT USAGE ON study_study_id_seq, instance_instance_id_seq,
            source_file_source_file_id_seq, screening_screening_id_seq,
            model_release_model_release_id_seq, acknowledgement_acknowledgement_id_seq,
            feedback_feedback_id_seq, ordered_priority_ordered_priority_id_seq,
            job_run_job_run_id_seq, event_event_id_seq TO pneumoscreen_service;
    """,
    # A RIS or a dashboard.
    "worklist_reader": "GRANT SELECT ON worklist_v1 TO worklist_reader;",
    # An integration engine that passes on the priority that was ordered.
    "priority_writer": """
        GRANT INSERT (accession_number, priority) ON ordered_priority TO priority_writer;
        GRANT USAGE ON ordered_priority_ordered_priority_id_seq TO priority_writer;
    """,
}
_PROBES: Final = {
    "pneumoscreen_service": ("study", "UPDATE"),
    "worklist_reader": ("worklist_v1", "SELECT"),
    "priority_writer": ("ordered_priority", "INSERT"),
}
_IS_GRANTED: Final = text(
    "SELECT has_any_column_privilege(rolname, :table, :privilege) "
    "FROM pg_roles WHERE rolname = :role"
)
_MAY_CHANGE_ROLES: Final = text(
    "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
)
# Roles belong to the whole server: another database may have made them, perhaps this moment. An
# owner who may not make roles leaves that to an administrator, and upgrades once more after.
_MAKE: Final = """
DO $$ BEGIN
    CREATE ROLE {role} NOLOGIN;
EXCEPTION
    WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$
"""
_GRANT: Final = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        {grants}
    END IF;
END $$
"""


def grant_roles(connection: Connection) -> None:
    """Make the roles that are missing and grant each its tables; SQLite knows no roles."""
    if connection.dialect.name != "postgresql":
        return
    for role, grants in GRANTS.items():
        connection.execute(text(_MAKE.format(role=role)))
        connection.execute(text(_GRANT.format(role=role, grants=grants)))


def set_passwords(connection: Connection, passwords: Mapping[str, str]) -> None:
    """Let roles log in by themselves, each with its password; SQLite knows no roles.

    Only the password's SCRAM verifier is sent: no password can end in the server's log.

    Raises
    ------
    DatabaseError
        If this user may not change roles.
    """
    if connection.dialect.name != "postgresql" or not passwords:
        return
    if not connection.scalar(_MAY_CHANGE_ROLES):
        raise DatabaseError(
            f"database {connection.engine.url.render_as_string()}: this user may not give roles a "
            "password; let it have CREATEROLE, or unset PNEUMOSCREEN_SERVICE_PASSWORD and "
            "PNEUMOSCREEN_READER_PASSWORD"
        )
    from psycopg import sql  # noqa: PLC0415 - who has SQLite does not pay for it

    driver: Any = connection.connection.driver_connection  # psycopg's
    for role, password in passwords.items():
        verifier = driver.pgconn.encrypt_password(password.encode(), role.encode())
        driver.execute(
            sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(verifier.decode())
            )
        )


def find_missing_roles(connection: Connection) -> list[str]:
    """Give the roles that the server lacks, or that may not do here what they are for."""
    if connection.dialect.name != "postgresql":
        return []
    return [
        role
        for role, (table, privilege) in _PROBES.items()
        if not connection.scalar(
            _IS_GRANTED, {"role": role, "table": table, "privilege": privilege}
        )
    ]

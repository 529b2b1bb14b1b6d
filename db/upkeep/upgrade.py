"""The schema's revision: moves a database to this version's, and refuses any other.

This module must not know what a revision does.
"""

from collections.abc import Mapping

from sqlalchemy import Connection, Engine, insert, inspect, select, text

from db.connection.dialect import lock_upgrade
from db.connection.engine import translated_errors, write_connection
from db.connection.errors import DatabaseError
from db.studies.derivation import rederive_studies
from db.tables.imaging import ReasonRow
from db.tables.revisions import REVISIONS
from db.tables.roles import grant_roles, set_passwords
from pipeline.codes import ReasonCode


def upgrade_schema(engine: Engine) -> str:
    """Bring the database to this version's schema; give the revision.

    The schema changes in one transaction: an interrupted upgrade leaves it as it was. Of two
    processes that upgrade at once, one waits for the other and then finds nothing to do. Then
    every study's line of the worklist is derived anew, since this version may judge differently.

    Raises
    ------
    DatabaseError
        If it cannot be written, or is newer than this version.
    """
    from db.tables.migrate import migrate  # noqa: PLC0415 - brings Alembic, which only this needs

    with write_connection(engine) as connection:
        lock_upgrade(connection)
        _check_known(connection)
        migrate(connection)
        _check_reasons(connection)
        _sync_reasons(connection)
        grant_roles(connection)
    rederive_studies(engine)
    return REVISIONS[-1]


def let_roles_log_in(engine: Engine, passwords: Mapping[str, str]) -> None:
    """Let roles of PostgreSQL log in by themselves, each with its password.

    Raises
    ------
    DatabaseError
        If this user may not change roles.
    """
    with write_connection(engine) as connection:
        set_passwords(connection, passwords)


def check_schema(engine: Engine) -> None:
    """Make sure that the database has exactly this version's schema.

    Raises
    ------
    DatabaseError
        If it is empty, older, or newer, or cannot be read.
    """
    with translated_errors(engine), engine.connect() as connection:
        _check_known(connection)
        revision = _revision(connection)
        current = revision == REVISIONS[-1] and not _missing_reasons(connection)
        if current:
            _check_reasons(connection)
    if not current:
        found = "is of an older version" if revision else "has no tables yet"
        raise DatabaseError(
            f"database {engine.url.render_as_string()} {found}; run `pneumoscreen db upgrade`"
        )


def is_empty(engine: Engine) -> bool:
    """Whether the database has no tables at all, as a SQLite file at its first use."""
    with translated_errors(engine), engine.connect() as connection:
        return not inspect(connection).get_table_names()


def _check_known(connection: Connection) -> None:
    """Refuse a revision that this version does not know, which must be a later one."""
    revision = _revision(connection)
    if revision is not None and revision not in REVISIONS:
        raise _newer(connection, f"revision {revision}")


def _revision(connection: Connection) -> str | None:
    # As Alembic keeps it, read without Alembic, whose import would double the time to start.
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _newer(connection: Connection, sign: str) -> DatabaseError:
    return DatabaseError(
        f"this version is older than the database {connection.engine.url.render_as_string()} "
        f"({sign}); upgrade pneumoscreen"
    )


def _missing_reasons(connection: Connection) -> list[ReasonCode]:
    known = set(connection.scalars(select(ReasonRow.reason_code)))
    return [code for code in ReasonCode if code.value not in known]


def _check_reasons(connection: Connection) -> None:
    """Refuse what a later version has added: this one could not read its rows."""
    known = {code.value for code in ReasonCode}
    unknown = set(connection.scalars(select(ReasonRow.reason_code))) - known
    if unknown:
        raise _newer(connection, f"reason code {min(unknown)}")


def _sync_reasons(connection: Connection) -> None:
    """Add the reason codes that this version knows; none is ever taken away."""
    missing = _missing_reasons(connection)
    if missing:
        connection.execute(
            insert(ReasonRow),
            [{"reason_code": code.value, "instance_state": code.state} for code in missing],
        )

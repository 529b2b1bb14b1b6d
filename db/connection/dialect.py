"""What SQL says in one way on PostgreSQL and in another on SQLite.

This module must not know any table.
"""

from typing import Any, Final

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

# Any numbers that no other program on the server uses.
_REGISTRATION_LOCK: Final = 0x504E4555
_UPGRADE_LOCK: Final = 0x504E4556


def insert_or_ignore(session: Session, table: type[Any], *key: Any) -> Any:  # noqa: ANN401
    """Give an INSERT that does nothing where a row with the key stands already."""
    return insert_for(session, table).on_conflict_do_nothing(index_elements=list(key))


def insert_for(session: Session, table: type[Any]) -> Any:  # noqa: ANN401 - two dialects' classes
    """Give the dialect's own INSERT, the one that knows ON CONFLICT."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def lock_registration(session: Session) -> None:
    """Let one transaction at a time decide what is new; claims and results do not wait for it.

    SQLite needs nothing: a writing transaction has the whole file to itself.
    """
    _lock(session.connection(), _REGISTRATION_LOCK)


def lock_upgrade(connection: Connection) -> None:
    """Let one program at a time upgrade the schema."""
    _lock(connection, _UPGRADE_LOCK)


def _lock(connection: Connection, key: int) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(key)))

"""What can go wrong between this program and its database, each said in one line with its mend.

This module must not know any table, nor decide whether to wait: it says whether waiting may help.
"""

import sqlite3
from typing import Final

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from pipeline.errors import PneumoscreenError


class DatabaseError(PneumoscreenError):
    """The database cannot do what was asked, and will not by itself."""


class DatabaseUnavailableError(DatabaseError):
    """The database cannot do it now: it is away, locked, full or read-only. Waiting may help."""


_UPGRADE: Final = "its tables are not this version's; run `pneumoscreen db upgrade`"
_PRIVILEGE: Final = "this user may not do that; grant it the role pneumoscreen_service"
_FULL: Final = "its disk is full; free space there"
_READ_ONLY: Final = "it is read-only; make it writable, or name another"
_LOCKED: Final = "another program holds it locked; wait for that (a backup, say) to end"
_DEADLOCK: Final = "two changes got in each other's way; nothing was written, so try again"
_STANDSTILL: Final = "this program stood still in a transaction; nothing was written, so try again"
_AWAY: Final = "it does not answer; start it, and check PNEUMOSCREEN_DATABASE_URL"
_CANNOT_OPEN: Final = "the file cannot be opened; check the folder and its permissions"
_NOT_A_DATABASE: Final = "the file is not an intact SQLite database; restore it, or name another"
_BROKEN_DISK: Final = "reading or writing its file failed; check the disk and the free space"

# SQLSTATE classes and codes, the longest match first (PostgreSQL, appendix A).
_POSTGRES: Final[dict[str, tuple[type[DatabaseError], str]]] = {
    "25006": (DatabaseUnavailableError, _READ_ONLY),
    "25P03": (DatabaseUnavailableError, _STANDSTILL),
    "42501": (DatabaseError, _PRIVILEGE),
    "42703": (DatabaseError, _UPGRADE),
    "42P01": (DatabaseError, _UPGRADE),
    "53100": (DatabaseUnavailableError, _FULL),
    "55P03": (DatabaseUnavailableError, _LOCKED),
    "08": (DatabaseUnavailableError, _AWAY),
    "40": (DatabaseUnavailableError, _DEADLOCK),
    "53": (DatabaseUnavailableError, _AWAY),
    "57": (DatabaseUnavailableError, _AWAY),
    "58": (DatabaseUnavailableError, _BROKEN_DISK),
}
# The primary part of SQLite's extended result codes, https://sqlite.org/rescode.html.
_SQLITE: Final[dict[str, tuple[type[DatabaseError], str]]] = {
    "SQLITE_BUSY": (DatabaseUnavailableError, _LOCKED),
    "SQLITE_LOCKED": (DatabaseUnavailableError, _LOCKED),
    "SQLITE_FULL": (DatabaseUnavailableError, _FULL),
    "SQLITE_READONLY": (DatabaseUnavailableError, _READ_ONLY),
    "SQLITE_CANTOPEN": (DatabaseUnavailableError, _CANNOT_OPEN),
    "SQLITE_IOERR": (DatabaseUnavailableError, _BROKEN_DISK),
    "SQLITE_CORRUPT": (DatabaseError, _NOT_A_DATABASE),
    "SQLITE_NOTADB": (DatabaseError, _NOT_A_DATABASE),
}


def translate_error(error: DBAPIError, url: URL) -> DatabaseError | None:
    """Say in one line what a driver's error means; None if it is a fault of this program.

    Parameters
    ----------
    error
        What SQLAlchemy raised around the driver's own error.
    url
        Of the database; its password is not shown.
    """
    match error.orig:
        case sqlite3.Error() as cause:
            verdict = _judge_sqlite(cause)
        # psycopg's, which is imported only where it is the driver
        case BaseException() as cause if hasattr(cause, "sqlstate"):
            verdict = _judge_postgres(cause.sqlstate)
        case _:
            verdict = None
    if verdict is None:
        return None
    kind, meaning = verdict
    first_line = str(error.orig).strip().partition("\n")[0]
    return kind(f"database {url.render_as_string()}: {meaning} ({first_line})")


def _judge_sqlite(cause: sqlite3.Error) -> tuple[type[DatabaseError], str] | None:
    name = getattr(cause, "sqlite_errorname", "")
    if str(cause).startswith(("no such table", "no such column")):
        return DatabaseError, _UPGRADE
    return next((verdict for code, verdict in _SQLITE.items() if name.startswith(code)), None)


def _judge_postgres(state: str | None) -> tuple[type[DatabaseError], str] | None:
    if state is None:  # libpq gives none for what goes wrong while connecting
        return DatabaseUnavailableError, _AWAY
    return next((verdict for code, verdict in _POSTGRES.items() if state.startswith(code)), None)

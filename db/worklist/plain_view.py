"""Reads `worklist_v1` with nothing but a driver: Python's own for SQLite, psycopg for PostgreSQL.

For `pneumoscreen worklist`, the command that people type most: to import SQLAlchemy takes longer
than all the rest of it (docs/decisions/0014-plain-worklist.md). Any other case (a URL with options,
another schema, a server that does not answer) is left to `db.worklist.view`. It must not write.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from db.tables.revisions import REVISIONS
from db.worklist.entry import COLUMNS, READING_ORDER, EntryColumn, WorklistEntry

_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = ("postgresql://", "postgres://", "postgresql+psycopg://")
_RESERVED: Final = frozenset("?%")  # in a URL these may mean options and other characters
_REVISION: Final = "SELECT version_num FROM alembic_version"
_Row = Mapping[str, Any]


def read_plain_worklist(database_url: str, limit: int) -> list[WorklistEntry] | None:
    """Give the first so many studies in reading order; None where this is no ordinary case."""
    if not _RESERVED.isdisjoint(database_url):
        return None
    query = f"SELECT * FROM worklist_v1 ORDER BY {', '.join(READING_ORDER)} LIMIT {limit:d}"  # noqa: S608 - constants and a number
    rows: Sequence[_Row] | None = None
    if database_url.startswith(_SQLITE):
        rows = _read_sqlite(database_url.removeprefix(_SQLITE), query)
    elif database_url.startswith(_POSTGRES):
        rows = _read_postgres("postgresql://" + database_url.partition("://")[2], query)
    try:
        return None if rows is None else [_to_entry(row) for row in rows]
    except ValueError:  # a word that only a later version knows
        return None


def _read_sqlite(file: str, query: str) -> Sequence[_Row] | None:
    uri = f"file:{quote(str(Path(file).absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            if tuple(connection.execute(_REVISION).fetchone()) != REVISIONS[-1:]:
                return None
            return connection.execute(query).fetchall()
    except (sqlite3.Error, TypeError):
        return None


def _read_postgres(url: str, query: str) -> Sequence[_Row] | None:
    import psycopg  # noqa: PLC0415 - who has SQLite does not pay for it
    from psycopg.rows import dict_row  # noqa: PLC0415

    options = {"application_name": "pneumoscreen", "connect_timeout": 5}
    try:
        with psycopg.connect(url, **options, row_factory=dict_row) as connection:  # type: ignore[arg-type]
            connection.read_only = True
            if connection.execute(_REVISION).fetchone() != {"version_num": REVISIONS[-1]}:
                return None
            return connection.execute(query).fetchall()
    except psycopg.Error:
        return None


def _to_entry(row: _Row) -> WorklistEntry:
    return WorklistEntry(**{column.name: _read(column, row[column.name]) for column in COLUMNS})


def _read(column: EntryColumn, value: Any) -> Any:  # noqa: ANN401 - as the driver gives it
    """Give the value of a column's type: SQLite keeps dates and times as text."""
    if column.is_words:
        return tuple(sorted(column.kind(word) for word in value.split(",") if word))
    if column.kind is datetime:
        return None if value is None else _read_moment(value)
    if value is None or isinstance(value, column.kind):
        return value
    if column.kind in {date, time}:
        return column.kind.fromisoformat(value)
    return column.kind(value)


def _read_moment(value: str | datetime) -> datetime:
    """Give an aware UTC time: SQLite keeps text without a zone, PostgreSQL knows the zone."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return datetime.fromisoformat(value).replace(tzinfo=UTC)

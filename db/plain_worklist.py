"""Reads `worklist_v1` of a SQLite file with nothing but Python's own driver.

For the command that people type most: to import SQLAlchemy takes longer than all the rest of it.
Whatever is out of the ordinary (another database, an older schema, a file that is not there) is
left to `db.worklist`, which says what is the matter. This module must not write.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from db.revisions import REVISIONS
from db.worklist_entry import READING_ORDER, WorklistEntry
from pipeline.codes import Band, Flag, Priority, ReasonCode, StudyStatus

_SCHEME: Final = "sqlite:///"
_RESERVED: Final = frozenset("?%")  # in a URL these may mean options and other characters
_READERS: Final[dict[str, Callable[[str], object]]] = {
    "status": StudyStatus,
    "band": Band,
    "priority": Priority,
    "ordered_priority": Priority,
    "study_date": date.fromisoformat,
    "study_time": time.fromisoformat,
    "reason_codes": lambda text: tuple(sorted(map(ReasonCode, _split(text)))),
    "flags": lambda text: tuple(sorted(map(Flag, _split(text)))),
    **dict.fromkeys(
        ("received_at", "screened_at", "waiting_since", "acknowledged_at"),
        lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
    ),
}


def read_plain_worklist(database_url: str, limit: int) -> list[WorklistEntry] | None:
    """Give the first so many studies in reading order; None where this is no ordinary case."""
    if not database_url.startswith(_SCHEME) or not _RESERVED.isdisjoint(database_url):
        return None
    path = Path(database_url.removeprefix(_SCHEME)).absolute()
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            if revision != REVISIONS[-1]:
                return None
            connection.row_factory = sqlite3.Row
            order = ", ".join(READING_ORDER)
            query = f"SELECT * FROM worklist_v1 ORDER BY {order} LIMIT ?"  # noqa: S608 - constants
            return [_to_entry(row) for row in connection.execute(query, (limit,))]
    except (sqlite3.Error, ValueError, TypeError):  # a word that only a later version knows, too
        return None


def _to_entry(row: sqlite3.Row) -> WorklistEntry:
    values: dict[str, Any] = {
        name: _READERS[name](row[name]) if name in _READERS and row[name] is not None else row[name]
        for name in WorklistEntry.__dataclass_fields__
    }
    return WorklistEntry(**values)


def _split(text: str) -> list[str]:
    return [word for word in text.split(",") if word]

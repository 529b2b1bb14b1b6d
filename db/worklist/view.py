"""What to read next: the view `worklist_v1`, as readers outside this product see it too.

This module must not know the tables behind the view. See docs/worklist_v1.md for its columns.
"""

from collections.abc import Collection
from datetime import date, datetime, time
from enum import StrEnum
from heapq import nsmallest
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import (
    Column,
    Date,
    Double,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    Time,
    select,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from db.connection.chunks import in_chunks
from db.tables.columns import UtcDateTime, split_words, word_type
from db.worklist.entry import COLUMNS, READING_ORDER, EntryColumn, WorklistEntry

_SQL_TYPES: Final[dict[type, type[TypeEngine[Any]]]] = {
    str: String,
    float: Double,
    int: Integer,
    date: Date,
    time: Time,
    datetime: UtcDateTime,
}


def _sql_type(column: EntryColumn) -> TypeEngine[Any]:
    if column.is_words:
        return Text()
    if issubclass(column.kind, StrEnum):
        return word_type(column.kind)
    return _SQL_TYPES[column.kind]()


# Of its own metadata: a view is no table, so a migration must not look for one.
WORKLIST_V1: Final = Table(
    "worklist_v1",
    MetaData(),
    *(Column(column.name, _sql_type(column)) for column in COLUMNS),
)


def read_worklist(
    session: Session, *, limit: int | None = None, study_uids: Collection[str] | None = None
) -> list[WorklistEntry]:
    """Give studies in reading order: the most urgent, and of those the longest waiting, first.

    Parameters
    ----------
    limit
        The first so many; all of them where it is None.
    study_uids
        Only these studies.
    """
    query = select(WORKLIST_V1).order_by(*(WORKLIST_V1.c[name] for name in READING_ORDER))
    if study_uids is None:
        return _read(session, query.limit(limit))
    entries = (
        entry
        for chunk in in_chunks(sorted(study_uids))
        for entry in _read(session, query.where(WORKLIST_V1.c.study_instance_uid.in_(chunk)))
    )
    in_order = attrgetter(*READING_ORDER)
    return sorted(entries, key=in_order) if limit is None else nsmallest(limit, entries, in_order)


def read_entry(session: Session, study_instance_uid: str) -> WorklistEntry | None:
    """Give one study's line, None if there is no such study."""
    entries = read_worklist(session, study_uids=[study_instance_uid])
    return entries[0] if entries else None


def _read(session: Session, query: Select[*tuple[Any, ...]]) -> list[WorklistEntry]:
    return [_to_entry(row) for row in session.execute(query)]


def _to_entry(row: Row[*tuple[Any, ...]]) -> WorklistEntry:
    return WorklistEntry(**{column.name: _value(row, column) for column in COLUMNS})


def _value(row: Row[*tuple[Any, ...]], column: EntryColumn) -> Any:  # noqa: ANN401 - any column's
    value = getattr(row, column.name)
    return tuple(sorted(split_words(value, column.kind))) if column.is_words else value

"""What to read next: the view `worklist_v1`, as readers outside this product see it too.

This module must not know the tables behind the view. See docs/worklist_v1.md for its columns.
"""

from collections.abc import Collection
from dataclasses import fields
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

from db.connection.chunks import in_chunks
from db.tables.columns import UtcDateTime, split_words, word_type
from db.worklist.entry import READING_ORDER, WorklistEntry
from pipeline.codes import Band, Flag, Priority, ReasonCode, StudyStatus

# Of its own metadata: a view is no table, so a migration must not look for one.
WORKLIST_V1: Final = Table(
    "worklist_v1",
    MetaData(),
    Column("study_instance_uid", String),
    Column("accession_number", String),
    Column("patient_id", String),
    Column("issuer_of_patient_id", String),
    Column("patient_sex", String),
    Column("patient_age_years", Double),
    Column("study_date", Date),
    Column("study_time", Time),
    Column("modality", String),
    Column("station_name", String),
    Column("institution_name", String),
    Column("status", word_type(StudyStatus)),
    Column("reason_codes", Text),
    Column("flags", Text),
    Column("probability", Double),
    Column("band", word_type(Band)),
    Column("operating_point", Double),
    Column("priority", word_type(Priority)),
    Column("priority_rank", Integer),
    Column("ordered_priority", word_type(Priority)),
    Column("effective_priority_rank", Integer),
    Column("model_release", String),
    Column("instances", Integer),
    Column("instances_screened", Integer),
    Column("received_at", UtcDateTime),
    Column("screened_at", UtcDateTime),
    Column("waiting_since", UtcDateTime),
    Column("acknowledged_by", String),
    Column("acknowledged_at", UtcDateTime),
)


_PLAIN_NAMES: Final = tuple(
    field.name for field in fields(WorklistEntry) if field.name not in {"reason_codes", "flags"}
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
    return WorklistEntry(
        reason_codes=tuple(sorted(split_words(row.reason_codes, ReasonCode))),
        flags=tuple(sorted(split_words(row.flags, Flag))),
        **{name: getattr(row, name) for name in _PLAIN_NAMES},
    )

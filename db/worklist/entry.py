"""One line of the worklist: its columns, their types, and the order in which lines are read.

Whoever reads the view derives its columns from here; the migration that makes the view and the
table behind it state them for themselves, and tests compare. This module must not know SQL.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime, time
from types import UnionType
from typing import Any, Final, get_args, get_origin

from pipeline.codes import Band, Flag, Priority, ReasonCode, StudyStatus

# Studies that were registered together have waited equally long: the UID keeps their order stable.
READING_ORDER: Final = ("effective_priority_rank", "waiting_since", "study_instance_uid")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistEntry:
    """One study's line of the worklist: the columns of the view, in their order."""

    study_instance_uid: str
    accession_number: str | None
    patient_id: str | None
    issuer_of_patient_id: str | None
    patient_sex: str | None
    patient_age_years: float | None
    study_date: date | None
    study_time: time | None
    modality: str | None
    station_name: str | None
    institution_name: str | None
    status: StudyStatus
    reason_codes: tuple[ReasonCode, ...]
    flags: tuple[Flag, ...]
    probability: float | None
    band: Band | None
    operating_point: float | None
    priority: Priority | None
    priority_rank: int
    ordered_priority: Priority | None
    effective_priority_rank: int
    model_release: str | None
    instances: int
    instances_screened: int
    received_at: datetime
    screened_at: datetime | None
    waiting_since: datetime
    acknowledged_by: str | None
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True)
class EntryColumn:
    """One column of the view.

    Attributes
    ----------
    kind
        The Python type of its values, NULL apart; of each word where ``is_words``.
    is_words
        Whether it holds words as text, ``AGE_UNKNOWN,VIEW_UNKNOWN``.
    """

    name: str
    kind: type[Any]
    is_words: bool


def _column(name: str, annotation: Any) -> EntryColumn:  # noqa: ANN401 - a type, or one in a form
    if isinstance(annotation, UnionType):  # str | None
        return _column(name, next(kind for kind in get_args(annotation) if kind is not type(None)))
    if get_origin(annotation) is tuple:  # tuple[Flag, ...]
        return EntryColumn(name, get_args(annotation)[0], is_words=True)
    return EntryColumn(name, annotation, is_words=False)


COLUMNS: Final = tuple(_column(field.name, field.type) for field in fields(WorklistEntry))

"""One line of the worklist, and the order in which lines are read.

This module must not know how a database is asked: it is imported by whoever asks one.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final

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

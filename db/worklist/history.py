"""One study's whole history: instances, screenings, events, acknowledgements, feedback.

This module must not know how it is shown.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.studies.lookup import StudyNotFoundError, resolve_study
from db.tables.audit import AcknowledgementRow, EventRow, FeedbackRow
from db.tables.columns import split_words
from db.tables.imaging import (
    FindingRow,
    InstanceRow,
    ModelReleaseRow,
    ScreeningRow,
    SourceFileRow,
)
from db.worklist.entry import WorklistEntry
from db.worklist.view import read_entry
from pipeline.codes import (
    Band,
    EventKind,
    FeedbackComment,
    FeedbackVerdict,
    Flag,
    InstanceState,
    Lane,
    Priority,
    ReasonCode,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Part = TypeVar("Part", bound="DataclassInstance")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceHistory:
    """One instance: where it stands and where it came from."""

    sop_instance_uid: str
    sha256: str
    state: InstanceState
    reason_code: ReasonCode | None
    detail: str | None
    flags: tuple[Flag, ...]
    view_position: str | None
    lane: Lane
    attempts: int
    claimable_at: datetime | None
    registered_at: datetime
    source_paths: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningHistory:
    """One finding of one screening, of whatever release."""

    sop_instance_uid: str
    model_release: str
    preprocessing_version: int
    engine: str
    screened_at: datetime
    code: str
    probability: float
    band: Band
    operating_point: float
    priority: Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHistory:
    """One thing that happened; without a UID it happened to the study."""

    occurred_at: datetime
    actor: str
    kind: EventKind
    sop_instance_uid: str | None
    from_state: InstanceState | None
    to_state: InstanceState | None
    reason_code: ReasonCode | None
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementHistory:
    """One reader's having seen the study, with so many instances."""

    acknowledged_by: str
    acknowledged_at: datetime
    instances_seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackHistory:
    """What one reader said of the result."""

    given_by: str
    given_at: datetime
    verdict: FeedbackVerdict
    comment_code: FeedbackComment | None
    model_release: str | None
    probability: float | None


@dataclass(frozen=True, slots=True)
class StudyHistory:
    """A study's line of the worklist and everything behind it, each part in order of time."""

    entry: WorklistEntry
    instances: tuple[InstanceHistory, ...]
    screenings: tuple[ScreeningHistory, ...]
    events: tuple[EventHistory, ...]
    acknowledgements: tuple[AcknowledgementHistory, ...]
    feedback: tuple[FeedbackHistory, ...]


def find_study(session: Session, name: str) -> StudyHistory:
    """Give the history of the one study that goes by a name.

    Parameters
    ----------
    name
        A Study Instance UID, an accession number, or the last digits of a UID.

    Raises
    ------
    StudyNotFoundError
        If there is no such study, or more than one.
    """
    history = read_study(session, name)
    if history is None:
        raise StudyNotFoundError(
            f"no study has the UID or accession number {name}; "
            "`pneumoscreen worklist` lists what there is"
        )
    return history


def read_study(session: Session, name: str) -> StudyHistory | None:
    """Give what `find_study` gives, or None if there is no such study."""
    study = resolve_study(session, name)
    if study is None:
        return None
    entry = read_entry(session, study.study_instance_uid)
    if entry is None:
        return None
    instances = session.scalars(
        select(InstanceRow)
        .where(InstanceRow.study_id == study.study_id)
        .order_by(InstanceRow.instance_id)
    ).all()
    uids = {row.instance_id: row.sop_instance_uid for row in instances}
    return StudyHistory(
        entry=entry,
        instances=_instances(session, instances),
        screenings=_screenings(session, uids),
        events=tuple(
            _project(
                EventHistory,
                row,
                sop_instance_uid=None if row.instance_id is None else uids[row.instance_id],
            )
            for row in session.scalars(
                select(EventRow)
                .where(EventRow.study_id == study.study_id)
                .order_by(EventRow.event_id)
            )
        ),
        acknowledgements=tuple(
            _project(AcknowledgementHistory, row)
            for row in session.scalars(
                select(AcknowledgementRow)
                .where(AcknowledgementRow.study_id == study.study_id)
                .order_by(AcknowledgementRow.acknowledgement_id)
            )
        ),
        feedback=tuple(
            _project(FeedbackHistory, row)
            for row in session.scalars(
                select(FeedbackRow)
                .where(FeedbackRow.study_id == study.study_id)
                .order_by(FeedbackRow.feedback_id)
            )
        ),
    )


def _project(kind: type[Part], *rows: object, **given: Any) -> Part:  # noqa: ANN401
    """Take a dataclass's fields from the first of the rows that has them."""
    values = {
        field.name: next(getattr(row, field.name) for row in rows if hasattr(row, field.name))
        for field in fields(kind)
        if field.name not in given
    }
    return kind(**values, **given)


def _instances(session: Session, instances: Sequence[InstanceRow]) -> tuple[InstanceHistory, ...]:
    paths: defaultdict[int | None, list[bytes]] = defaultdict(list)
    for instance_id, path in session.execute(
        select(SourceFileRow.instance_id, SourceFileRow.path)
        .where(SourceFileRow.instance_id.in_([row.instance_id for row in instances]))
        .order_by(SourceFileRow.source_file_id)
    ):
        paths[instance_id].append(path)
    return tuple(
        _project(
            InstanceHistory,
            row,
            flags=tuple(sorted(split_words(row.flags, Flag))),
            source_paths=tuple(paths[row.instance_id]),
        )
        for row in instances
    )


def _screenings(session: Session, uids: dict[int, str]) -> tuple[ScreeningHistory, ...]:
    query = (
        select(ScreeningRow, FindingRow, ModelReleaseRow.name)
        .join(FindingRow, FindingRow.screening_id == ScreeningRow.screening_id)
        .join(ModelReleaseRow, ModelReleaseRow.model_release_id == ScreeningRow.model_release_id)
        .where(ScreeningRow.instance_id.in_(uids))
        .order_by(ScreeningRow.screened_at, ScreeningRow.screening_id)
    )
    return tuple(
        _project(
            ScreeningHistory,
            screening,
            finding,
            sop_instance_uid=uids[screening.instance_id],
            model_release=release,
        )
        for screening, finding, release in session.execute(query)
    )

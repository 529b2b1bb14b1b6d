"""What became of each input file.

This module must not know who asks: a report, a command or a test.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.studies.results import read_results
from db.studies.state import Result
from db.tables.columns import digest_path, split_words
from db.tables.imaging import InstanceRow, SourceFileRow, StudyRow
from pipeline.codes import Band, Flag, InstanceState, Priority, ReasonCode


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """What became of one path.

    ``sha256`` and the UIDs are None where the file itself could not be read, and for an archive.
    ``reason_code`` says why there is no screening, so it is None where there is one.
    """

    path: bytes
    sha256: str | None
    sop_instance_uid: str | None
    study_instance_uid: str | None
    status: InstanceState
    reason_code: ReasonCode | None
    detail: str | None
    flags: tuple[Flag, ...]
    probability: float | None
    band: Band | None
    priority: Priority | None
    model_release: str | None


def read_outcomes(session: Session, paths: Sequence[bytes]) -> list[FileOutcome]:
    """Give the outcome of each path that is registered, in the order of the paths."""
    found: dict[bytes, FileOutcome] = {}
    for chunk in in_chunks(map(digest_path, paths)):
        query = (
            select(
                SourceFileRow.path,
                SourceFileRow.instance_id,
                SourceFileRow.reason_code.label("source_reason_code"),
                SourceFileRow.detail.label("source_detail"),
                InstanceRow.sha256,
                InstanceRow.sop_instance_uid,
                StudyRow.study_instance_uid,
                InstanceRow.state,
                InstanceRow.reason_code,
                InstanceRow.detail,
                InstanceRow.flags,
            )
            .outerjoin(InstanceRow, InstanceRow.instance_id == SourceFileRow.instance_id)
            .outerjoin(StudyRow, StudyRow.study_id == InstanceRow.study_id)
            .where(SourceFileRow.path_sha256.in_(chunk))
        )
        rows = session.execute(query).all()
        results = read_results(
            session,
            InstanceRow.instance_id.in_(
                [row.instance_id for row in rows if row.instance_id is not None]
            ),
        )
        found |= {row.path: _to_outcome(row, results.get(row.instance_id)) for row in rows}
    return [found[path] for path in paths if path in found]


def count_by_state(session: Session) -> Counter[InstanceState]:
    """Count instances by state; a state that none is in counts 0."""
    query = select(InstanceRow.state, func.count().label("instances")).group_by(InstanceRow.state)
    return Counter({row.state: row.instances for row in session.execute(query)})


def _to_outcome(row: Row[*tuple[Any, ...]], result: Result | None) -> FileOutcome:
    if row.instance_id is None:
        return FileOutcome(
            path=row.path,
            sha256=None,
            sop_instance_uid=None,
            study_instance_uid=None,
            status=row.source_reason_code.state,
            reason_code=row.source_reason_code,
            detail=row.source_detail,
            flags=(),
            probability=None,
            band=None,
            priority=None,
            model_release=None,
        )
    if row.state is InstanceState.NOT_ELIGIBLE:
        result = None
    is_screened = row.state is InstanceState.SCREENED
    return FileOutcome(
        path=row.path,
        sha256=row.sha256,
        sop_instance_uid=row.sop_instance_uid,
        study_instance_uid=row.study_instance_uid,
        status=row.state,
        reason_code=None if is_screened else row.reason_code,
        detail=None if is_screened else row.detail,
        flags=tuple(sorted(split_words(row.flags, Flag))),
        probability=result.probability if result else None,
        band=result.band if result else None,
        priority=result.priority if result else None,
        model_release=result.model_release if result else None,
    )

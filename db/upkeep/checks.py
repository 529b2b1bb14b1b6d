"""Finds what is stuck, lost or inconsistent, and says what to do about it.

This module must not change anything.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, func, not_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.connection.chunks import in_chunks
from db.instances.source_files import COMPLETE
from db.studies.derivation import compare_studies
from db.tables.audit import JobRunRow, OrderedPriorityRow
from db.tables.imaging import FindingRow, InstanceRow, ScreeningRow, SourceFileRow, StudyRow
from db.tables.roles import find_missing_roles
from pipeline.codes import InstanceState, JobStatus, ReasonCode

# A claim that was begun this often never came to an end: its file kills the worker itself.
_MANY_ATTEMPTS: Final = 3
_LONG: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person should look at.

    Attributes
    ----------
    example
        A UID, a digest or the number of a row; never the name of a patient or a file.
    """

    what: str
    how_many: int
    example: str
    mend: str


@dataclass(frozen=True, slots=True)
class _Check:
    """Rows that should not be: what they are, how to know them, and what to do."""

    what: str
    example: InstrumentedAttribute[Any]
    conditions: Callable[[datetime], Sequence[ColumnElement[bool]]]
    mend: str


_CHECKS: Final = (
    _Check(
        "instances claimed by a worker that did not finish in time",
        InstanceRow.sop_instance_uid,
        lambda now: [InstanceRow.state == InstanceState.CLAIMED, InstanceRow.claimable_at <= now],
        "a running worker takes them up again by itself; start one if none runs",
    ),
    _Check(
        f"instances claimed {_MANY_ATTEMPTS} times or more, still without a result",
        InstanceRow.sop_instance_uid,
        lambda _now: [
            InstanceRow.claimable_at.is_not(None),
            InstanceRow.attempts >= _MANY_ATTEMPTS,
        ],
        "`pneumoscreen show UID` lists the attempts; look for the UID in the service's log",
    ),
    _Check(
        "instances registered more than a day ago and not screened yet",
        InstanceRow.sop_instance_uid,
        lambda now: [
            InstanceRow.claimable_at.is_not(None),
            InstanceRow.registered_at < now - _LONG,
            not_(exists().where(ScreeningRow.instance_id == InstanceRow.instance_id)),
        ],
        "start a worker, or more of them; `pneumoscreen doctor` says what keeps one from starting",
    ),
    _Check(
        "files that cannot be read (the example is their path's sha256)",
        SourceFileRow.path_sha256,
        lambda _now: [
            SourceFileRow.reason_code.is_not(None),
            SourceFileRow.reason_code.not_in(COMPLETE),
        ],
        "make them readable to the service's user; the next scan takes them up",
    ),
    _Check(
        "instances whose file vanished or changed before it was screened",
        InstanceRow.sop_instance_uid,
        lambda _now: [InstanceRow.state == InstanceState.FAILED],
        "put the file back into the inbox; the next scan takes it up",
    ),
    _Check(
        "instances whose SOP Instance UID already names other content",
        InstanceRow.sop_instance_uid,
        lambda _now: [
            InstanceRow.state == InstanceState.QUARANTINED,
            InstanceRow.reason_code == ReasonCode.SOP_INSTANCE_UID_CONFLICT,
        ],
        "`pneumoscreen show UID` names both files; compare them and withdraw one",
    ),
    _Check(
        "instances to be screened that no file leads to",
        InstanceRow.sop_instance_uid,
        lambda _now: [
            InstanceRow.claimable_at.is_not(None),
            not_(exists().where(SourceFileRow.instance_id == InstanceRow.instance_id)),
        ],
        "a worker will mark them as missing; put the file back into the inbox",
    ),
    _Check(
        "instances marked as screened, without a screening",
        InstanceRow.sop_instance_uid,
        lambda _now: [
            InstanceRow.state == InstanceState.SCREENED,
            not_(exists().where(ScreeningRow.instance_id == InstanceRow.instance_id)),
        ],
        "rows were deleted by hand; restore the backup",
    ),
    _Check(
        "screenings without a finding",
        ScreeningRow.screening_id,
        lambda _now: [not_(exists().where(FindingRow.screening_id == ScreeningRow.screening_id))],
        "rows were deleted by hand; restore the backup",
    ),
    _Check(
        "studies without an instance",
        StudyRow.study_instance_uid,
        lambda _now: [not_(exists().where(InstanceRow.study_id == StudyRow.study_id))],
        "rows were deleted by hand; restore the backup",
    ),
    _Check(
        "ordered priorities that have not reached their study",
        OrderedPriorityRow.ordered_priority_id,
        lambda _now: [
            OrderedPriorityRow.applied_at.is_(None),
            exists().where(StudyRow.accession_number == OrderedPriorityRow.accession_number),
        ],
        "start the service, which applies them; or the watcher, where there is no broker",
    ),
    _Check(
        "jobs begun more than a day ago and not ended",
        JobRunRow.job_run_id,
        lambda now: [
            JobRunRow.status == JobStatus.RUNNING,
            JobRunRow.started_at < now - _LONG,
        ],
        "their process has died; the next run does what they left undone",
    ),
)


def check_database(session: Session, now: datetime) -> list[Problem]:
    """Look for all known kinds of trouble; an empty list means that none was found.

    Every study is derived anew for comparison, so the time grows with their number.
    """
    return list(_find_problems(session, now))


def _find_problems(session: Session, now: datetime) -> Iterator[Problem]:
    for check in _CHECKS:
        query = select(func.count(), func.min(check.example)).where(*check.conditions(now))
        how_many, example = session.execute(query).one()
        if how_many:
            yield Problem(check.what, how_many, str(example), check.mend)
    yield from _find_stale_studies(session)
    yield from _find_ungranted_roles(session)


def _find_stale_studies(session: Session) -> Iterator[Problem]:
    study_ids = session.scalars(select(StudyRow.study_id).order_by(StudyRow.study_id)).all()
    stale = [
        study_id
        for chunk in in_chunks(study_ids)
        for study_id, stored, derived in compare_studies(session, chunk)
        if stored != derived
    ]
    if stale:
        query = select(StudyRow.study_instance_uid).where(StudyRow.study_id == stale[0])
        yield Problem(
            "studies whose line of the worklist is not what their instances say",
            len(stale),
            session.scalars(query).one(),
            "rows were changed by hand; `pneumoscreen db upgrade` derives every line anew",
        )


def _find_ungranted_roles(session: Session) -> Iterator[Problem]:
    missing = find_missing_roles(session.connection())
    if missing:
        yield Problem(
            "roles that the upgrade was not allowed to make",
            len(missing),
            missing[0],
            "let an administrator make them (CREATE ROLE ... NOLOGIN), then run "
            "`pneumoscreen db upgrade` once more",
        )

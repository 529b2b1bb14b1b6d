"""Acknowledgements: a study that a reader has seen goes to the end, until more of it arrives.

This module must not know how a study is ranked.
"""

from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from db.studies.derivation import recompute_studies
from db.studies.lookup import lock_study
from db.tables.audit import AcknowledgementRow
from db.tables.events import Event, log_events
from db.tables.imaging import InstanceRow
from pipeline.codes import EventKind


def acknowledge_study(session: Session, uid: str, by: str, now: datetime) -> None:
    """Note that a reader has seen all that a study holds now.

    Parameters
    ----------
    uid
        (0020,000D) Study Instance UID.
    by
        Who; as the site names its readers.

    Raises
    ------
    StudyNotFoundError
        If there is no such study.
    """
    study_id = lock_study(session, uid).study_id
    instances_seen = session.scalar(
        select(func.count()).select_from(InstanceRow).where(InstanceRow.study_id == study_id)
    )
    session.execute(
        insert(AcknowledgementRow).values(
            study_id=study_id,
            acknowledged_by=by,
            acknowledged_at=now,
            instances_seen=instances_seen,
        )
    )
    log_events(session, [Event(kind=EventKind.ACKNOWLEDGED, study_id=study_id)], actor=by, now=now)
    recompute_studies(session, [study_id])

"""Readers' feedback: agree or disagree with a result, kept for those who train and monitor.

This module must not know any threshold: it keeps the result as the reader saw it.
"""

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.studies.lookup import lock_study
from db.tables.audit import FeedbackRow
from db.tables.events import Event, log_events
from pipeline.codes import EventKind, FeedbackComment, FeedbackVerdict


def give_feedback(
    session: Session,
    uid: str,
    verdict: FeedbackVerdict,
    *,
    by: str,
    now: datetime,
    comment_code: FeedbackComment | None = None,
) -> None:
    """Note a reader's verdict beside the result that the worklist shows now.

    Every verdict is kept; a reader who thinks again gives another.

    Raises
    ------
    StudyNotFoundError
        If there is no such study.
    """
    study = lock_study(session, uid)
    session.execute(
        insert(FeedbackRow).values(
            study_id=study.study_id,
            given_by=by,
            given_at=now,
            verdict=verdict,
            comment_code=comment_code,
            model_release=study.model_release,
            probability=study.probability,
        )
    )
    detail = verdict if comment_code is None else f"{verdict}, {comment_code}"
    event = Event(kind=EventKind.FEEDBACK, study_id=study.study_id, detail=detail)
    log_events(session, [event], actor=by, now=now)

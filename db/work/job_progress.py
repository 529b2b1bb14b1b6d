"""What is known of a job's runs: the latest that was begun, and the one that is under way.

This module must not know what a job does.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables.audit import JobRunRow
from pipeline.codes import JobStatus


def latest_due(session: Session, job: str) -> str | None:
    """Give the latest due of the job's runs that were ever begun."""
    return session.scalar(select(func.max(JobRunRow.due)).where(JobRunRow.job == job))


def lock_running_job(session: Session, job: str) -> JobRunRow | None:
    """Take a run that is under way for this transaction; None if there is none, or it is taken."""
    return session.scalars(
        select(JobRunRow)
        .where(JobRunRow.job == job, JobRunRow.status == JobStatus.RUNNING)
        .order_by(JobRunRow.due)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()

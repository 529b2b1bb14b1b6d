"""The runs of scheduled jobs: each due one is begun once, whoever asks first.

This module must not know what a job does, nor when it is due.
"""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.tables.audit import JobRunRow
from pipeline.codes import JobStatus


def begin_job(
    session: Session, job: str, due: str, now: datetime, detail: str | None = None
) -> int | None:
    """Begin a run, unless somebody has: two schedulers, or a clock that was set back.

    Parameters
    ----------
    job
        What is run: ``reprocess``.
    due
        Which run it is: the night's date, ``2026-03-01``.
    detail
        How far it is, in a line for people.

    Returns
    -------
    int or None
        The run's id for `finish_job`; None if it is not the caller's to run.
    """
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    job_run_id: int | None = session.scalar(
        dialect.insert(JobRunRow)
        .values(job=job, due=due, status=JobStatus.RUNNING, started_at=now, detail=detail)
        .on_conflict_do_nothing(index_elements=[JobRunRow.job, JobRunRow.due])
        .returning(JobRunRow.job_run_id)
    )
    return job_run_id


def finish_job(
    session: Session, job_run_id: int, status: JobStatus, now: datetime, detail: str | None = None
) -> None:
    """Note how a run ended."""
    session.execute(
        update(JobRunRow)
        .where(JobRunRow.job_run_id == job_run_id)
        .values(status=status, finished_at=now, detail=detail)
    )

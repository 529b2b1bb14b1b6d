"""The runs of scheduled jobs: each due one is begun once, by whichever process asks first.

This module must not know what a job does, nor when it is due.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.connection.dialect import insert_or_ignore
from db.tables.audit import JobRunRow
from pipeline.codes import JobStatus


def latest_due(session: Session, job: str) -> str | None:
    """Give the latest due of the job's runs that were ever begun."""
    return session.scalar(select(func.max(JobRunRow.due)).where(JobRunRow.job == job))


def begin_job(
    session: Session, job: str, due: str, now: datetime, rows_total: int | None = None
) -> bool:
    """Begin a run; False if it was begun before (two schedulers, or a clock that was set back).

    Parameters
    ----------
    job
        What is run: ``reprocess``.
    due
        Which run it is: the night's date, ``2026-03-01``.
    rows_total
        How many rows the run is about, if it was counted.
    """
    job_run_id: int | None = session.scalar(
        insert_or_ignore(session, JobRunRow, JobRunRow.job, JobRunRow.due)
        .values(
            job=job,
            due=due,
            status=JobStatus.RUNNING,
            started_at=now,
            rows_done=0,
            rows_total=rows_total,
        )
        .returning(JobRunRow.job_run_id)
    )
    return job_run_id is not None


def lock_running_job(session: Session, job: str) -> JobRunRow | None:
    """Give a run that is under way, locked; None if there is none, or another process has it."""
    return session.scalars(
        select(JobRunRow)
        .where(JobRunRow.job == job, JobRunRow.status == JobStatus.RUNNING)
        .order_by(JobRunRow.due)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()


def advance_job(run: JobRunRow, rows: int, now: datetime, *, is_finished: bool) -> None:
    """Note that so many rows more are done; more may have come since the run was begun."""
    run.rows_done = (run.rows_done or 0) + rows
    if run.rows_total is not None:
        run.rows_total = max(run.rows_total, run.rows_done)
    if is_finished:
        run.status, run.finished_at = JobStatus.SUCCEEDED, now

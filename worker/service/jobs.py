"""What is done by the clock, beside the walk: by `beat`, or between two scans of an embedded watch.

This module must not know when; every job may run in several processes at once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.connection.engine import write_session
from db.studies.priorities import apply_ordered_priorities, escalate_waiting
from pipeline.release import load_release
from worker.clock import Clock
from worker.hints import Hints
from worker.screening.reprocess import Nightly
from worker.service.schedule import Job
from worker.service.sweeper import Sweeper
from worker.settings import Settings


def list_jobs(settings: Settings, engine: Engine, hints: Hints, clock: Clock) -> list[Job]:
    """Give the jobs of a site.

    Raises
    ------
    ReleaseError
        If the release cannot be used: what is to be reprocessed depends on it.
    """
    nightly = Nightly(
        engine,
        hints,
        clock,
        release=load_release(settings.release).name,
        at=settings.nightly_at,
        backlog=settings.reprocess_backlog,
    )
    escalate = partial(escalate_waiting, limit=timedelta(seconds=settings.escalate_after_s))
    jobs: dict[str, Callable[[], object]] = {
        "sweep": Sweeper(engine, hints, clock).sweep,
        "order": partial(_repeat, apply_ordered_priorities, engine, clock),
        "escalate": partial(_repeat, escalate, engine, clock),
        "reprocess": nightly.tick,
    }
    return [Job(name, settings.sweep_interval_s, run) for name, run in jobs.items()]


def _repeat(change: Callable[[Session, datetime], int], engine: Engine, clock: Clock) -> None:
    """Make a change a batch at a time, each in a short transaction, until nothing is left."""
    changed = 1
    while changed:
        with write_session(engine) as session:
            changed = change(session, clock.now())

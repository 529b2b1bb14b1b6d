"""What is done by the clock, beside the walk: by `beat`, or between two scans of an embedded watch.

This module must not know when; every job may run in several processes at once.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine

from db.connection.engine import repeat_change
from db.studies.priorities import apply_ordered_priorities, escalate_waiting
from db.work.releases import recount_results
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
        "order": partial(repeat_change, engine, apply_ordered_priorities, clock.now),
        "escalate": partial(repeat_change, engine, escalate, clock.now),
        "recount": partial(repeat_change, engine, recount_results, clock.now),
        "reprocess": nightly.tick,
    }
    return [Job(name, settings.sweep_interval_s, run) for name, run in jobs.items()]

"""The schedule: what is done every so many seconds, whatever the wall clock is set to.

This module must not know what its jobs do, nor who drives it: `pneumoscreen beat`, or Celery's own
beat (docs/decisions/0009-own-schedule.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

import structlog

from pipeline.errors import PneumoscreenError
from worker.clock import Clock
from worker.inbox.watcher import Worker

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again; it must do no harm when two processes do it at once."""

    name: str
    interval_s: float
    run: Callable[[], object]


class Schedule:
    """Runs jobs in one thread, each when its interval is over, the first time at once."""

    def __init__(self, jobs: Sequence[Job], clock: Clock) -> None:
        self._clock = clock
        self._due_s = dict.fromkeys(jobs, clock.monotonic_s())

    def run(self, stop: Event) -> None:
        """Run what is due until ``stop`` is set."""
        while not stop.is_set():
            self.run_due()
            self._clock.wait(stop, self.seconds_until_due())

    def seconds_until_due(self) -> float:
        """Give the time until the next job is due."""
        return max(0.0, min(self._due_s.values()) - self._clock.monotonic_s())

    def run_due(self) -> None:
        """Run what is due now. A job that fails is reported, and tried again at its next time."""
        for job, due_s in self._due_s.items():
            if self._clock.monotonic_s() < due_s:
                continue
            try:
                job.run()
            except PneumoscreenError as error:
                _log.error("job_failed", job=job.name, detail=str(error))
            self._due_s[job] = self._clock.monotonic_s() + job.interval_s


class ScheduledWorker:
    """A worker that does what is due between two of its batches: for one process alone."""

    def __init__(self, worker: Worker, schedule: Schedule) -> None:
        self._worker = worker
        self._schedule = schedule

    def step(self) -> int:
        """Run what is due, then work off one batch; zero when there is nothing to do now."""
        self._schedule.run_due()
        return self._worker.step()

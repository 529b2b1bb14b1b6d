"""The schedule: runs each job every so many seconds by the monotonic clock.

This module must not know what its jobs do, nor who drives it: `pneumoscreen beat`, Celery's own
beat (docs/decisions/0009-own-schedule.md) or the work loop of an embedded watch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import structlog

from pipeline.errors import PneumoscreenError
from worker.clock import Clock
from worker.heartbeat import INTERVAL_S, Heartbeat

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """A repeated job; it must do no harm when two processes run it at once."""

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
        """Run what is due now. A job that fails is logged, and tried again when it is next due."""
        for job, due_s in self._due_s.items():
            if self._clock.monotonic_s() < due_s:
                continue
            try:
                job.run()
            except PneumoscreenError as error:
                _log.error("job_failed", job=job.name, detail=str(error))
            self._due_s[job] = self._clock.monotonic_s() + job.interval_s


def heartbeat_job(file: Path | None) -> Job:
    """Give the job that renews a process's heartbeat."""
    return Job("heartbeat", INTERVAL_S, Heartbeat(file).renew)

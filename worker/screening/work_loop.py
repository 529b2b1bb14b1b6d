"""The work loop: steps a screener until nothing is left, and waits for a database that is away.

`pneumoscreen watch` runs the whole loop; a Celery task runs it once a hint. This module must not
know how files come to be registered, nor what the jobs do.
"""

from collections.abc import Callable
from threading import Event
from typing import Final, Protocol

import structlog

from db.connection.errors import DatabaseUnavailableError
from worker.clock import Clock, wait_for_either

_SHORTEST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 10.0
# Another process may hand rows back at any time, and no event says so.
_LONGEST_WAIT_S: Final = 5.0
# A row may be claimable and locked by another process: the database is asked no more often.
_SHORTEST_WAIT_S: Final = 0.05
_log = structlog.get_logger()


class Steps(Protocol):
    """Whoever screens registered rows, one batch a step: the urgent lane first, each time."""

    def step(self) -> int:
        """Screen one batch; zero when nothing can be claimed now."""
        ...


class Worker(Steps, Protocol):
    """Whoever also knows when there is something to screen again."""

    def seconds_until_work(self) -> float | None:
        """Give the time until something may be claimable, or None when all rows are terminal."""
        ...


class DueJobs(Protocol):
    """Scheduled jobs, which run between two batches."""

    def run_due(self) -> None:
        """Run what is due now."""
        ...

    def seconds_until_due(self) -> float:
        """Give the time until the next job is due."""
        ...


def run_work_loop(
    worker: Worker, jobs: DueJobs, clock: Clock, *, stop: Event, registered: Event
) -> None:
    """Screen what is registered and run jobs when they are due, until ``stop`` is set.

    Parameters
    ----------
    registered
        Set by whoever registered something; the loop clears it before it looks for work.
    """
    while not stop.is_set():
        registered.clear()
        work_off(worker, stop, clock, before_step=jobs.run_due)
        wait_s = min(_seconds_until_work(worker), jobs.seconds_until_due())
        wait_for_either(clock, stop, registered, max(wait_s, _SHORTEST_WAIT_S))


def work_off(
    worker: Steps,
    stop: Event,
    clock: Clock,
    before_step: Callable[[], object] = lambda: None,
) -> None:
    """Step until nothing is left or ``stop`` is set; a batch under way is always finished.

    A database that is away is waited for: what was claimed comes back when its lease is over.
    """
    pause_s = _SHORTEST_PAUSE_S
    while not stop.is_set():
        before_step()
        try:
            if not worker.step():
                return
        except DatabaseUnavailableError as error:
            _log.warning("database_unavailable", detail=str(error), retry_in_s=pause_s)
            clock.wait(stop, pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        else:
            pause_s = _SHORTEST_PAUSE_S


def _seconds_until_work(worker: Worker) -> float:
    try:
        seconds = worker.seconds_until_work()
    except DatabaseUnavailableError:
        return _SHORTEST_PAUSE_S  # the next step says so in the log
    return _LONGEST_WAIT_S if seconds is None else min(seconds, _LONGEST_WAIT_S)

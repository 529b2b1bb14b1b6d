"""The one task: a hint came, so work until nothing is left. It unpacks nothing and decides nothing.

This module must not know how rows are claimed, read or recorded: that is the screener's walk,
the same as the embedded product's.
"""

from collections.abc import Callable
from threading import Event
from typing import Final, Protocol

import structlog
from celery import Celery

from db.connection.errors import DatabaseUnavailableError
from worker.clock import Clock
from worker.heartbeat import Heartbeat
from worker.service.celery_app import SCREEN_TASK

_SHORTEST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 10.0
_log = structlog.get_logger()


class Steps(Protocol):
    """Whoever works registered rows off, one batch a step: the urgent lane first, each time."""

    def step(self) -> int:
        """Work off one batch; zero when there is nothing to do now."""
        ...


def add_screen_task(app: Celery, work: Callable[[], None]) -> None:
    """Make the application answer a hint by calling ``work``."""

    @app.task(name=SCREEN_TASK, shared=False)  # type: ignore[untyped-decorator]
    def screen() -> None:
        work()


def work_off(worker: Steps, stop: Event, clock: Clock, heartbeat: Heartbeat) -> None:
    """Step until nothing is left or ``stop`` is set; a batch under way is always finished.

    A database that is away is waited for: what was claimed comes back when its lease is over.
    """
    pause_s = _SHORTEST_PAUSE_S
    while not stop.is_set():
        heartbeat.renew()
        try:
            if not worker.step():
                return
        except DatabaseUnavailableError as error:
            _log.warning("database_unavailable", detail=str(error), retry_in_s=pause_s)
            clock.wait(stop, pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        else:
            pause_s = _SHORTEST_PAUSE_S

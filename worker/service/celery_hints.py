"""Sends hints through Celery. Best effort by design: the sweeper sends again what was lost.

This module must not touch the database, and must never hold up whoever sends a hint.
"""

import math
from typing import Final

import structlog
from celery import Celery
from kombu.exceptions import KombuError, OperationalError

from pipeline.codes import Lane
from worker.clock import Clock
from worker.service.celery_app import QUEUES, SCREEN_TASK

# Enough waiting hints for any number of GPUs on a site.
_MOST_WAITING: Final = 32
# No hints are sent for so long after a failure: each try may cost a socket's timeout.
_PAUSE_AFTER_FAILURE_S: Final = 15.0
_log = structlog.get_logger()


class CeleryHints:
    """Hints through a Celery application.

    Parameters
    ----------
    batch_size
        Rows that one worker takes at once: fewer need only one worker.
    """

    def __init__(self, app: Celery, clock: Clock, batch_size: int) -> None:
        self._app = app
        self._clock = clock
        self._batch_size = batch_size
        self._connection = app.connection_for_write()
        self._errors: tuple[type[BaseException], ...] = (
            *self._connection.connection_errors,
            *self._connection.channel_errors,
            OperationalError,
            KombuError,
            OSError,
        )
        self._silent_until_s = -math.inf

    def send(self, lane: Lane, rows: int) -> int:
        """Send a hint for each batch that the rows make, less those that wait in the queue.

        Never raises for a broker that is away: the rows are in the database, and the sweeper
        finds them there.
        """
        if rows <= 0 or self._clock.monotonic_s() < self._silent_until_s:
            return 0
        try:
            return self._send(QUEUES[lane], math.ceil(rows / self._batch_size))
        except self._errors as error:
            self._silent_until_s = self._clock.monotonic_s() + _PAUSE_AFTER_FAILURE_S
            self.close()
            _log.warning("broker_unavailable", detail=f"{type(error).__name__}: {error}")
            return 0

    def send_urgent(self, rows: int) -> None:
        """Say that so many rows were just registered."""
        self.send(Lane.URGENT, rows)

    def close(self) -> None:
        """Drop the connection; the next hint opens another."""
        self._connection.release()
        self._connection = self._app.connection_for_write()

    def _send(self, queue: str, wanted: int) -> int:
        waiting = self._connection.default_channel.queue_declare(queue).message_count
        missing = max(0, min(wanted, _MOST_WAITING) - int(waiting))
        for _ in range(missing):
            self._app.send_task(SCREEN_TASK, queue=queue, connection=self._connection, retry=False)
        return missing

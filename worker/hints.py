"""Hints: a message "there is work" that wakes the workers. Losing one costs time, never a study.

This module must not know how a hint travels: `worker.service.celery_hints` sends it by Celery.
"""

from typing import Protocol

from pipeline.codes import Lane


class Hints(Protocol):
    """Whoever can wake the workers."""

    def send(self, lane: Lane, rows: int, /) -> int:
        """Say that so many rows of a lane are waiting; gives the number of hints sent."""
        ...


class NoHints:
    """Sends no hints: an embedded worker looks into the database by itself."""

    def send(self, _lane: Lane, _rows: int) -> int:
        """Send nothing."""
        return 0

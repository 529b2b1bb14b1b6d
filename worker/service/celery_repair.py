"""Mends what Celery leaves broken: a hint whose acknowledgement the broker never got.

Kombu logs "Couldn't ack" and goes on, counting the message against the prefetch limit for ever. A
worker that takes one message at a time takes none after that, connected and to all signs well.
To acknowledge before the task instead of after it changes nothing: with the first acknowledgement
made to fail, a worker of Celery 5.7 ran one of three tasks either way.
"""

from collections.abc import Callable, Collection
from typing import Protocol

import structlog

_log = structlog.get_logger()


class _Delivered(Protocol):
    """What is needed of kombu's virtual ``QoS``: the tags that were delivered and not answered."""

    _delivered: Collection[str]


class LostAcknowledgement:
    """Notices an acknowledgement that was lost, and makes Celery connect anew.

    Parameters
    ----------
    find_deliveries
        Gives what the consumer's channel knows of its deliveries, as it is now.
    """

    def __init__(self, find_deliveries: Callable[[], _Delivered]) -> None:
        self._find_deliveries = find_deliveries
        self._seen: frozenset[str] = frozenset()

    def look(self) -> None:
        """Compare with the time before; called while the worker has nothing to do.

        A solo worker's loop stands still during a task, so whatever is unanswered now and was so
        the last time belongs to no task.

        Raises
        ------
        ConnectionError
            For Celery's loop, which takes it for a lost connection and opens another.
        """
        unanswered = frozenset(self._find_deliveries()._delivered)  # noqa: SLF001 - no other way
        lost = unanswered & self._seen
        self._seen = unanswered - lost
        if lost:
            _log.warning("acknowledgement_lost", hints=len(lost))
            raise ConnectionError("an acknowledgement was lost")

"""The sweeper: looks in the database for what waits, and sends the hints that it should have had.

Run every few seconds, it makes every lost hint, dead worker and emptied broker a short delay.
"""

from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import Engine

from db.connection.engine import read_session, write_session
from db.work.backlog import count_due
from db.work.claims import sweep_expired_leases
from worker.clock import Clock
from worker.hints import Hints

_log = structlog.get_logger()
# Counting stops here: more rows would not send more hints.
_MOST_COUNTED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep did."""

    expired_leases: int
    due: int
    hints_sent: int


class Sweeper:
    """Puts back what dead workers held, and wakes workers for whatever is due."""

    def __init__(self, engine: Engine, hints: Hints, clock: Clock) -> None:
        self._engine = engine
        self._hints = hints
        self._clock = clock

    def sweep(self) -> Sweep:
        """Sweep once. Two sweepers at once do no harm: hints are capped, leases are locked.

        Raises
        ------
        DatabaseError
            If the database cannot be asked.
        """
        now = self._clock.now()
        with write_session(self._engine) as session:
            expired = sweep_expired_leases(session, now)
        with read_session(self._engine) as session:
            due = count_due(session, now, at_most=_MOST_COUNTED)
        sent = sum(self._hints.send(lane, rows) for lane, rows in due.items())
        swept = Sweep(expired, sum(due.values()), sent)
        if swept.expired_leases or swept.hints_sent:
            _log.info("swept", expired_leases=swept.expired_leases, hints=swept.hints_sent)
        return swept

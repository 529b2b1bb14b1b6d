"""A clock that no one can set: wall-clock time at one moment, carried on by the monotonic clock.

Leases and nightly runs compare times from several processes. Anchored to the database's clock,
they agree; and a host whose clock is moved by a day, either way, ends no lease early.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event

from sqlalchemy import Engine, func, select

from db.connection.engine import read_session


class AnchoredClock:
    """Wall-clock time as it was at the start, plus what the monotonic clock says has passed."""

    def __init__(self, anchor: datetime, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._anchor = anchor
        self._read_monotonic_s = monotonic_s
        self._anchored_s = monotonic_s()

    @classmethod
    def of_database(cls, engine: Engine) -> "AnchoredClock":
        """Anchor to the database server's clock; to this machine's for SQLite.

        Raises
        ------
        DatabaseError
            If the server cannot be asked.
        """
        if engine.dialect.name != "postgresql":
            return cls(datetime.now(UTC))
        with read_session(engine) as session:
            return cls(session.execute(select(func.clock_timestamp())).scalar_one())

    def now(self) -> datetime:
        """Give the time in UTC."""
        return self._anchor + timedelta(seconds=self._read_monotonic_s() - self._anchored_s)

    def monotonic_s(self) -> float:
        """Give the monotonic clock."""
        return self._read_monotonic_s()

    def wait(self, stop: Event, seconds: float) -> bool:
        """Wait for ``stop`` or the time, whichever comes first."""
        return stop.wait(seconds)

"""Time, injected: UTC for records, the monotonic clock for durations, and waits that tests skip.

This module must not know a database: `worker.database` anchors a clock to one.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final, Protocol

# How often two events are looked at: a thread cannot wait for both at once.
_POLL_S: Final = 0.05


class Clock(Protocol):
    """What the worker needs to know of time."""

    def now(self) -> datetime:
        """Give the wall-clock time, aware, in UTC. Only for records: it may jump."""
        ...

    def monotonic_s(self) -> float:
        """Give seconds on a clock that never jumps. For settling, leases and time-outs."""
        ...

    def wait(self, stop: Event, seconds: float) -> bool:
        """Wait until ``stop`` is set or the seconds have passed; whether it was set."""
        ...


class SystemClock:
    """The machine's own clocks, for where no database is open."""

    def now(self) -> datetime:
        """Give the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Give the monotonic clock."""
        return time.monotonic()

    def wait(self, stop: Event, seconds: float) -> bool:
        """Wait for ``stop`` or the time, whichever comes first."""
        return stop.wait(seconds)


class AnchoredClock:
    """Wall-clock time as it was at the start, plus what the monotonic clock says has passed.

    Leases and nightly runs compare times from several processes. Anchored to the database's clock,
    they agree; a host whose clock is set wrong, or changed by a day, ends no lease early.
    """

    def __init__(self, anchor: datetime, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._anchor = anchor
        self._read_monotonic_s = monotonic_s
        self._anchored_s = monotonic_s()

    def now(self) -> datetime:
        """Give the time in UTC."""
        return self._anchor + timedelta(seconds=self._read_monotonic_s() - self._anchored_s)

    def monotonic_s(self) -> float:
        """Give the monotonic clock."""
        return self._read_monotonic_s()

    def wait(self, stop: Event, seconds: float) -> bool:
        """Wait for ``stop`` or the time, whichever comes first."""
        return stop.wait(seconds)


def wait_for_either(clock: Clock, stop: Event, wake: Event, seconds: float) -> None:
    """Wait until ``stop`` or ``wake`` is set, or the seconds have passed."""
    until_s = clock.monotonic_s() + seconds
    while not (stop.is_set() or wake.is_set()):
        left_s = until_s - clock.monotonic_s()
        if left_s <= 0:
            return
        clock.wait(stop, min(left_s, _POLL_S))

"""Time, injected: UTC for records, monotonic for durations, and a sleep that tests can skip."""

import time
from datetime import UTC, datetime
from threading import Event
from typing import Protocol


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
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Give the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Give the monotonic clock."""
        return time.monotonic()

    def wait(self, stop: Event, seconds: float) -> bool:
        """Wait for ``stop`` or the time, whichever comes first."""
        return stop.wait(seconds)

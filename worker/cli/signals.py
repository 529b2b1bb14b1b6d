"""What SIGTERM and SIGINT do to a command that runs until it is stopped.

This module must not know which command runs.
"""

import signal
from threading import Event


def stop_event() -> Event:
    """Give an event that SIGTERM and SIGINT set, so that what is under way is finished first."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop

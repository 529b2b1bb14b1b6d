"""Waiting for what is promised: the bound only ends a test that would never pass."""

import time
from collections.abc import Callable
from typing import Any


def wait_until(condition: Callable[[], Any], timeout_s: float, what: str = "") -> float:
    """Wait for a condition; give the seconds it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > timeout_s:
            raise AssertionError(f"not within {timeout_s} s: {what or condition}")
        time.sleep(0.05)
    return time.monotonic() - began

"""Ties helper processes to the process that started them."""

import ctypes
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # <sys/prctl.h>


def end_with_parent() -> None:
    """Have the kernel end this process when its parent is gone, however that came about.

    A parent that was killed ends nothing itself, and its helper may be in an endless decode.
    Linux's own (prctl(2)); it goes by the thread that started this process.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

"""Ends helper processes together with the process that started them."""

import ctypes
import signal
from typing import Final

_PR_SET_PDEATHSIG: Final = 1  # <sys/prctl.h>


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent has ended, for whatever reason.

    A parent that was killed cannot end its helpers, and one may be in an endless decode. Linux only
    (prctl(2)); the parent is the thread that started this process.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

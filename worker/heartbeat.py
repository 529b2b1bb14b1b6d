"""A sign of life for whoever supervises the process: a file whose time is renewed by its work.

This module must not know what the work is; it is renewed by the work itself, never by a thread
beside it, so that a process which hangs looks dead.
"""

import time
from pathlib import Path
from typing import Final

# A slow batch of large files on a loaded machine takes less; a hang lasts longer.
OLDEST_S: Final = 120.0
INTERVAL_S: Final = 5.0


class Heartbeat:
    """Renews a file, if there is one to renew.

    Parameters
    ----------
    file
        None: nobody wants to know.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def renew(self) -> None:
        """Say that the process has just done something, or has nothing to do."""
        if self._file is not None:
            self._file.touch()


def is_alive(file: Path, now_s: float | None = None) -> bool:
    """Whether the file was renewed within the last two minutes."""
    try:
        age_s = (time.time() if now_s is None else now_s) - file.stat().st_mtime
    except FileNotFoundError:
        return False
    return age_s < OLDEST_S

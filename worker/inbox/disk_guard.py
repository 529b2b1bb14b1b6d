"""The disk guard: stops registration before a disk is full, and logs which.

What is not registered stays in the inbox, which is the durable backlog; a database or an archive
on a full disk could not record what became of it. This module must not know who is stopped.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

_log = structlog.get_logger()


def free_bytes(folder: Path) -> int:
    """Give the bytes that this user may still write to the folder's file system."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


class DiskGuard:
    """Watches the file systems that the product writes to.

    Parameters
    ----------
    folders
        One on each of them.
    least_free_bytes
        Below this, nothing more is registered.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        least_free_bytes: int,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._folders = folders
        self._least_free_bytes = least_free_bytes
        self._free = free

    def has_room(self) -> bool:
        """Whether files may be registered; if not, an error in the log says which disk is full."""
        full = [folder for folder in self._folders if self._free(folder) < self._least_free_bytes]
        for folder in full:
            _log.error(
                "disk_almost_full",
                folder=str(folder),
                detail=f"less than {self._least_free_bytes >> 20} MiB are free; make room, "
                "nothing is taken in until then",
            )
        return not full

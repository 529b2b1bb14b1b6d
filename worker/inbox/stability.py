"""Decides when a file in the inbox is complete.

A file is stable when all three of size, mtime_ns and inode were the same on two scans at least
``settle`` seconds apart by the monotonic clock. Size alone misses a rewrite in place; mtime alone
misses a copy that sets the time first; the inode shows a rename over the old file. This module must
not know how files are listed.
"""

import math
from collections.abc import Iterable

from db.instances.arrivals import SourceFile


class StabilityTracker:
    """Remembers since when each waiting file has looked the same.

    Holds only the files of the latest scan that are not yet stable, so its size is bounded by
    what is waiting, not by what the inbox has ever held.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._unchanged_since_s: dict[SourceFile, float] = {}

    def observe(self, files: Iterable[SourceFile], monotonic_s: float) -> list[SourceFile]:
        """Take all files of one scan; give those that are stable, and forget vanished ones."""
        stable: list[SourceFile] = []
        waiting: dict[SourceFile, float] = {}
        for file in files:
            since_s = self._unchanged_since_s.get(file, monotonic_s)
            if monotonic_s >= since_s + self._settle_s and file in self._unchanged_since_s:
                stable.append(file)
            else:
                waiting[file] = since_s
        self._unchanged_since_s = waiting
        return stable

    @property
    def waiting(self) -> int:
        """How many files are not yet stable."""
        return len(self._unchanged_since_s)

    @property
    def next_due_s(self) -> float:
        """When, by the monotonic clock, a waiting file may first be stable; infinity for none."""
        return min(self._unchanged_since_s.values(), default=math.inf) + self._settle_s

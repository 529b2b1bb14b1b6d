"""Watches an inbox: a full rescan is the mechanism, since events do not fire on NFS or SMB.

Where they do fire, they bring the next rescan forward, and nothing else. This module must not know
what a file holds, nor who screens it. It moves, changes and deletes nothing itself.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final, Protocol

import structlog

from db.connection.errors import DatabaseUnavailableError
from db.instances.arrivals import SourceFile
from worker.clock import Clock, wait_for_either
from worker.inbox.folders import Entry, FolderError, Kind, list_paths
from worker.inbox.registrar import Registration
from worker.inbox.stability import StabilityTracker

_RETRY_UNREADABLE_S: Final = 60.0
# An event brings a scan forward no nearer to the last one than nine times what its listing took:
# listings take a tenth of the time at most, also of a large inbox in which much happens.
_REST_PER_LISTING_S: Final = 9.0
_LEAST_REST_S: Final = 0.25
_log = structlog.get_logger()


class Registers(Protocol):
    """Whoever gives files their rows."""

    def register(
        self, entries: Iterable[Entry], on_registered: Callable[[int], None]
    ) -> Registration:
        """Register whatever is new or changed, or could not be read before."""
        ...


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look at the inbox found."""

    files: int
    registered: int
    unreadable: int
    settling: int
    unfinished: int


class Watcher:
    """Registers the files of one inbox once they are stable.

    Parameters
    ----------
    on_registered
        Called after each committed transaction with its number of files.
    has_room
        Asked before each scan; while there is none, nothing is registered.
    dispose
        Called after each scan with the files of the inbox that have their row.
    changed
        Set by whoever sees that something happened in the inbox; cleared by the scan that follows.
    """

    def __init__(
        self,
        inbox: Path,
        registrar: Registers,
        clock: Clock,
        *,
        settle_s: float,
        scan_interval_s: float,
        on_registered: Callable[[int], None] = lambda _count: None,
        has_room: Callable[[], bool] = lambda: True,
        dispose: Callable[[Collection[SourceFile]], object] = lambda _registered: None,
        changed: Event | None = None,
    ) -> None:
        self._inbox = inbox
        self._registrar = registrar
        self._clock = clock
        self._stability = StabilityTracker(settle_s)
        self._scan_interval_s = scan_interval_s
        self._on_registered = on_registered
        self._has_room = has_room
        self._dispose = dispose
        self._changed = changed or Event()
        # When the next scan is due, and from when on a change may bring it forward.
        self._due_s = self._earliest_s = clock.monotonic_s()
        self._listing_s = 0.0
        # What the latest scan saw that already has its row, and what could not be read with the
        # time of its next try: both bounded by the inbox, not by history.
        self._registered: set[SourceFile] = set()
        self._next_try_s: dict[SourceFile, float] = {}

    def run(self, stop: Event, on_scan: Callable[[Scan], None] = lambda _scan: None) -> None:
        """Scan and register until ``stop`` is set.

        An inbox that disappears (a network share that is away) is reported and waited for, and so
        is a database that is away: nothing counts as registered that was not committed.
        """
        while not stop.is_set():
            on_scan(self._scan_in_time())
            self._clock.wait(stop, self._earliest_s - self._clock.monotonic_s())
            left_s = self._due_s - self._clock.monotonic_s()
            wait_for_either(self._clock, stop, self._changed, left_s)

    def scan(self) -> Scan:
        """Look at the whole inbox once and register what has become stable.

        Raises
        ------
        FolderError
            If the inbox itself cannot be read.
        """
        began_s = self._clock.monotonic_s()
        entries = list(list_paths([self._inbox]))
        now_s = self._clock.monotonic_s()
        self._listing_s = now_s - began_s
        kinds = Counter(entry.kind for entry in entries)
        present = {entry.source: entry for entry in entries if entry.needs_row}
        self._registered &= present.keys()
        self._next_try_s = {
            source: due_s
            for source, due_s in self._next_try_s.items()
            if source in present and due_s > now_s
        }
        stable = self._stability.observe(
            (
                source
                for source in present
                if source not in self._registered and source not in self._next_try_s
            ),
            now_s,
        )
        registration = self._registrar.register(
            (present[source] for source in stable), self._on_registered
        )
        # A file that could not be read (permissions, a share's hiccup) is tried again, not known.
        self._registered.update(set(stable) - registration.unreadable)
        self._next_try_s |= dict.fromkeys(registration.unreadable, now_s + _RETRY_UNREADABLE_S)
        self._dispose(self._registered)
        return Scan(
            files=len(present),
            registered=registration.files,
            unreadable=len(registration.unreadable),
            settling=self._stability.waiting,
            unfinished=kinds[Kind.UNFINISHED],
        )

    def _scan_in_time(self) -> Scan:
        """Scan, and note when the next one is due: no later than a waiting file may be stable."""
        self._changed.clear()
        scan = self._scan_or_report()
        ended_s = self._clock.monotonic_s()
        self._due_s = ended_s + self._scan_interval_s
        rest_s = max(_LEAST_REST_S, _REST_PER_LISTING_S * self._listing_s)
        self._earliest_s = min(ended_s + rest_s, self._due_s)
        if scan.settling:
            self._due_s = min(self._due_s, max(self._earliest_s, self._stability.next_due_s))
        return scan

    def _scan_or_report(self) -> Scan:
        try:
            if self._has_room():
                return self.scan()
        except FolderError as error:
            _log.error("inbox_unreadable", detail=str(error))
        except DatabaseUnavailableError as error:
            _log.error("database_unavailable", detail=str(error))
        return Scan(0, 0, 0, 0, 0)

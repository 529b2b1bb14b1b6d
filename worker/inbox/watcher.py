"""Watches an inbox: a full rescan is the mechanism, since events do not fire on NFS or SMB.

Where they do fire they make the next rescan come sooner, and nothing else. This module must not
know what a file holds. It moves, changes and deletes nothing itself.
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
from worker.clock import Clock
from worker.inbox.folders import Entry, FolderError, Kind, list_paths
from worker.inbox.registrar import Registration
from worker.inbox.stability import StabilityTracker

_RETRY_UNREADABLE_S: Final = 60.0
# Out of turn, walks take a tenth of the time at most: a large inbox, where much happens, too.
_REST_PER_WALK_S: Final = 9.0
_LEAST_REST_S: Final = 0.25
# How often it is looked whether something happened: there is no waiting for two events at once.
_LOOK_S: Final = 0.05
_log = structlog.get_logger()


class Worker(Protocol):
    """Whoever works registered rows off, one batch a step."""

    def step(self) -> int:
        """Work off one batch; zero when there is nothing to do now."""
        ...


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
    """Registers files once they are stable, and lets the worker step between two scans.

    Parameters
    ----------
    on_registered
        Called after each committed transaction with its number of files.
    has_room
        Asked before each scan; while there is none, nothing is taken in.
    put_away
        Given, after each scan, the files of the inbox that have their row.
    news
        Set by whoever sees that something happened in the inbox; cleared by the scan that follows.
    """

    def __init__(
        self,
        inbox: Path,
        registrar: Registers,
        worker: Worker,
        clock: Clock,
        *,
        settle_s: float,
        scan_interval_s: float,
        on_registered: Callable[[int], None] = lambda _count: None,
        has_room: Callable[[], bool] = lambda: True,
        put_away: Callable[[Collection[SourceFile]], object] = lambda _registered: None,
        news: Event | None = None,
    ) -> None:
        self._inbox = inbox
        self._registrar = registrar
        self._worker = worker
        self._clock = clock
        self._stability = StabilityTracker(settle_s)
        self._scan_interval_s = scan_interval_s
        self._on_registered = on_registered
        self._has_room = has_room
        self._put_away = put_away
        self._news = news or Event()
        # When the next scan is due, and from when on news may bring it forward.
        self._due_s = self._rested_s = clock.monotonic_s()
        self._walk_s = 0.0
        # What the latest scan saw that already has its row, and what could not be read with the
        # time of its next try: both bounded by the inbox, not by history.
        self._registered: set[SourceFile] = set()
        self._next_try_s: dict[SourceFile, float] = {}

    def run(self, stop: Event, on_scan: Callable[[Scan], None] = lambda _scan: None) -> None:
        """Scan, register and work until ``stop`` is set; a batch under way is finished first.

        An inbox that disappears (a network share that is away) is reported and waited for, and so
        is a database that is away: nothing counts as registered that was not committed.
        """
        while not stop.is_set():
            if self._is_due():
                on_scan(self._scan_in_time())
            if not self._step_or_report():
                while not (stop.is_set() or self._is_due()):
                    left_s = self._due_s - self._clock.monotonic_s()
                    self._clock.wait(stop, max(0.0, min(left_s, _LOOK_S)))

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
        self._walk_s = now_s - began_s
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
        self._put_away(self._registered)
        return Scan(
            files=len(present),
            registered=registration.files,
            unreadable=len(registration.unreadable),
            settling=self._stability.waiting,
            unfinished=kinds[Kind.UNFINISHED],
        )

    def _is_due(self) -> bool:
        now_s = self._clock.monotonic_s()
        return now_s >= self._due_s or (self._news.is_set() and now_s >= self._rested_s)

    def _scan_in_time(self) -> Scan:
        """Scan, and say when the next one is due: no later than a waiting file may be stable."""
        self._news.clear()
        scan = self._scan_or_report()
        ended_s = self._clock.monotonic_s()
        self._rested_s = ended_s + max(_LEAST_REST_S, _REST_PER_WALK_S * self._walk_s)
        self._due_s = ended_s + self._scan_interval_s
        if scan.settling:
            self._due_s = min(self._due_s, max(self._rested_s, self._stability.next_due_s))
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

    def _step_or_report(self) -> int:
        try:
            return self._worker.step()
        except DatabaseUnavailableError as error:
            _log.error("database_unavailable", detail=str(error))
            return 0

"""Watches every inbox, each in a thread of its own, with the disk guard and the source policy.

This module must not know who screens what is registered, or whether anyone does in this process.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

import structlog

from worker.database import Database
from worker.inbox.disk_guard import DiskGuard
from worker.inbox.disposal import SourceFileDisposal
from worker.inbox.file_events import follow_events
from worker.inbox.watcher import Registers, Scan, Watcher
from worker.settings import Settings, SettingsError, SourcePolicy

_MIB: Final = 1 << 20
# For all threads together. A scan that registers many files may take longer, and so does a share
# that hangs: the next start registers what is missing.
_LONGEST_STOP_S: Final = 5.0
_log = structlog.get_logger()


@contextmanager
def watching(
    inboxes: Sequence[Path],
    registrar: Registers,
    *,
    settings: Settings,
    database: Database,
    stop: Event,
    on_scan: Callable[[Scan], None],
    on_registered: Callable[[int], None] = lambda _count: None,
) -> Iterator[None]:
    """Watch every inbox for as long as the context lasts; ``stop`` is set at its end.

    A share that hangs holds up no other inbox, nor the caller, nor the end of the process. An
    error in a thread sets ``stop`` and is raised at the end: a supervisor restarts the process.

    Parameters
    ----------
    on_scan, on_registered
        Called in the inboxes' threads.

    Raises
    ------
    SettingsError
        If the source policy and the archive do not fit each other.
    """
    guard = DiskGuard(_written_to(settings, database), settings.least_free_mib * _MIB)
    threads = _Threads(stop)
    for inbox in inboxes:
        changed = Event()
        watcher = Watcher(
            inbox,
            registrar,
            database.clock,
            settle_s=settings.settle_s,
            scan_interval_s=settings.scan_interval_s,
            on_registered=on_registered,
            has_room=guard.has_room,
            dispose=_disposal(settings, database).dispose,
            changed=changed,
        )
        threads.add(f"watch {inbox}", watcher.run, stop, on_scan)
        if not settings.polling_only:
            threads.add(f"events of {inbox}", follow_events, inbox, changed, stop)
    threads.start()
    try:
        yield
    finally:
        stop.set()
        threads.join(_LONGEST_STOP_S)
    threads.raise_first_error()


class _Threads:
    """Daemon threads, so that one which never ends does not keep the process from ending."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._threads: list[Thread] = []
        self._errors: list[BaseException] = []

    def add(self, name: str, function: Callable[..., object], *arguments: object) -> None:
        thread = Thread(target=self._run, args=(function, *arguments), name=name, daemon=True)
        self._threads.append(thread)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, longest_s: float) -> None:
        until_s = time.monotonic() + longest_s
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))
            if thread.is_alive():
                _log.warning("thread_left_behind", thread=thread.name)

    def raise_first_error(self) -> None:
        if self._errors:
            raise self._errors[0]

    def _run(self, function: Callable[..., object], *arguments: object) -> None:
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self._errors.append(error)
            self._stop.set()


def _disposal(settings: Settings, database: Database) -> SourceFileDisposal:
    if (settings.source_policy is SourcePolicy.ARCHIVE) != (settings.archive is not None):
        raise SettingsError(
            "PNEUMOSCREEN_SOURCE_POLICY=archive and PNEUMOSCREEN_ARCHIVE need each other; set both "
            "or neither"
        )
    return SourceFileDisposal(
        settings.source_policy, settings.archive, database.engine, database.clock
    )


def _written_to(settings: Settings, database: Database) -> list[Path]:
    folders = [] if settings.archive is None else [settings.archive]
    url = database.engine.url
    if url.get_backend_name() == "sqlite" and url.database:
        folders.append(Path(url.database).absolute().parent)
    return folders

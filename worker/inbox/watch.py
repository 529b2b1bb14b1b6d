"""Composes the intake: a watcher for each inbox, the disk guard, and what becomes of the sources.

The same for the embedded product and the distributed one, which differ in who works.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

from sqlalchemy import Engine

from worker.clock import Clock
from worker.inbox.disk_guard import DiskGuard
from worker.inbox.disposal import SourceKeeper
from worker.inbox.file_events import follow_events
from worker.inbox.watcher import Registers, Scan, Watcher, Worker
from worker.settings import Settings, SettingsError, SourcePolicy

_MIB: Final = 1 << 20


class NoWork:
    """A watcher's worker where the work is done elsewhere."""

    def step(self) -> int:
        """There is never anything to do here."""
        return 0


def watch_inboxes(
    inboxes: Sequence[Path],
    registrar: Registers,
    worker: Worker,
    *,
    settings: Settings,
    engine: Engine,
    clock: Clock,
    stop: Event,
    on_scan: Callable[[Scan], None],
    on_registered: Callable[[int], None] = lambda _count: None,
) -> None:
    """Watch every inbox until stopped, each in a thread: one share that hangs stops no other.

    Raises
    ------
    SettingsError
        If the policy for sources and the archive do not fit each other.
    """
    guard = DiskGuard(_written_to(settings, engine), settings.least_free_mib * _MIB)
    news = {inbox: Event() for inbox in inboxes}

    def watch(inbox: Path, worker: Worker) -> None:
        with _ending_all(stop):
            Watcher(
                inbox,
                registrar,
                worker,
                clock,
                settle_s=settings.settle_s,
                scan_interval_s=settings.scan_interval_s,
                on_registered=on_registered,
                has_room=guard.has_room,
                put_away=_keeper(settings, engine, clock).tidy,
                news=news[inbox],
            ).run(stop, on_scan)

    def follow(inbox: Path) -> None:
        with _ending_all(stop):
            follow_events(inbox, news[inbox], stop)

    first, *others = inboxes
    with ThreadPoolExecutor(2 * len(inboxes), thread_name_prefix="inbox") as threads:
        running = [threads.submit(watch, inbox, NoWork()) for inbox in others]
        if not settings.polling_only:
            running += [threads.submit(follow, inbox) for inbox in inboxes]
        watch(first, worker)
        for each in running:
            each.result()


@contextmanager
def _ending_all(stop: Event) -> Iterator[None]:
    """Let an error in one thread end the process; a supervisor starts it again."""
    try:
        yield
    except BaseException:
        stop.set()
        raise


def _keeper(settings: Settings, engine: Engine, clock: Clock) -> SourceKeeper:
    if (settings.source_policy is SourcePolicy.ARCHIVE) != (settings.archive is not None):
        raise SettingsError(
            "PNEUMOSCREEN_SOURCE_POLICY=archive and PNEUMOSCREEN_ARCHIVE need each other; set both "
            "or neither"
        )
    return SourceKeeper(settings.source_policy, settings.archive, engine, clock)


def _written_to(settings: Settings, engine: Engine) -> list[Path]:
    folders = [] if settings.archive is None else [settings.archive]
    if engine.dialect.name == "sqlite" and engine.url.database:
        folders.append(Path(engine.url.database).absolute().parent)
    return folders

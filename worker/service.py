"""Composes the distributed product: watchers, workers and a scheduler as processes of their own.

They share a database and, for hints, a broker. The walk is the embedded product's, called from
elsewhere: nothing of it is here.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from celery import Celery
from celery.signals import worker_shutting_down
from sqlalchemy import Engine

from worker.anchored_clock import AnchoredClock
from worker.celery_app import QUEUES, create_app
from worker.embedded import load_warm_classifier, open_embedded, open_worklist
from worker.hints import CeleryHints
from worker.jobs import list_jobs
from worker.readers import ReaderPool
from worker.registrar import Registrar
from worker.schedule import Schedule
from worker.screener import Classifier
from worker.settings import Settings
from worker.sweeper import Sweep, Sweeper
from worker.tasks import add_screen_task, work_off
from worker.watcher import Scan, Watcher


class NoWork:
    """A watcher's worker where the work is done elsewhere."""

    def step(self) -> int:
        """There is never anything to do here."""
        return 0


def run_worker(settings: Settings, load: Callable[[Path], Classifier] | None = None) -> int:
    """Answer hints until told to stop; gives the exit status.

    The release is checked, the network loaded and every batch shape warmed up before the first
    hint is taken. SIGTERM and SIGINT finish the batch under way and hand back the next one.

    Raises
    ------
    PneumoscreenError
        If the release, the database or the broker's address cannot be used.
    """
    app = create_app(settings)
    stop = Event()
    load = load or partial(load_warm_classifier, batch_size=settings.batch_size)
    with (
        _open_database(settings) as (_, clock),
        open_embedded(settings, clock, load) as station,
    ):
        station.network.get()
        add_screen_task(app, lambda: work_off(station.screener, stop, clock))
        worker_shutting_down.connect(lambda **_: stop.set(), weak=False)
        return _consume(app, settings.log_level)


def run_watcher(
    settings: Settings, inbox: Path, stop: Event, on_scan: Callable[[Scan], None]
) -> None:
    """Watch an inbox, register what arrives, and hint; screen nothing.

    Raises
    ------
    PneumoscreenError
        If the database or the broker's address cannot be used.
    """
    app = create_app(settings)
    readers = ReaderPool(
        settings.readers, settings.reader_memory_mib, settings.reader_timeout_s, settings.limits
    )
    with _open_database(settings) as (engine, clock), readers:
        hints = CeleryHints(app, clock, settings.batch_size)
        Watcher(
            inbox,
            Registrar(engine, readers, clock),
            NoWork(),
            clock,
            settle_s=settings.settle_s,
            scan_interval_s=settings.scan_interval_s,
            on_registered=hints.send_urgent,
        ).run(stop, on_scan)


def run_schedule(settings: Settings, stop: Event) -> None:
    """Do the scheduled jobs until stopped. Several processes at once do no harm.

    Raises
    ------
    PneumoscreenError
        If the database or the broker's address cannot be used.
    """
    app = create_app(settings)
    with _open_database(settings) as (engine, clock):
        hints = CeleryHints(app, clock, settings.batch_size)
        Schedule(list_jobs(settings, engine, hints, clock), clock).run(stop)


def sweep_once(settings: Settings) -> Sweep:
    """Sweep by hand.

    Raises
    ------
    PneumoscreenError
        If the database or the broker's address cannot be used.
    """
    app = create_app(settings)
    with _open_database(settings) as (engine, clock):
        return Sweeper(engine, CeleryHints(app, clock, settings.batch_size), clock).sweep()


@contextmanager
def _open_database(settings: Settings) -> Iterator[tuple[Engine, AnchoredClock]]:
    engine = open_worklist(settings.database_url)
    try:
        yield engine, AnchoredClock.of_database(engine)
    finally:
        engine.dispose()


def _consume(app: Celery, log_level: str) -> int:
    worker: Any = app.Worker(
        # TensorFlow survives no fork, and one process has the whole device.
        pool="solo",
        queues=",".join(QUEUES.values()),
        hostname=f"pneumoscreen-{os.getpid()}@{socket.gethostname()}",
        loglevel=log_level,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)

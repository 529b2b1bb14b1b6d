"""Composes the distributed product: watchers, workers and a scheduler as processes of their own.

They share a database and, for hints, a broker. The walk is the embedded product's, called from
elsewhere: nothing of it is here.
"""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from celery import Celery, bootsteps
from celery.signals import worker_shutting_down
from sqlalchemy import Engine

from worker.anchored_clock import AnchoredClock
from worker.heartbeat import INTERVAL_S, Heartbeat
from worker.hints import CeleryHints
from worker.inbox.archives import UnpackingRegistrar
from worker.inbox.registrar import Registrar
from worker.inbox.watch import NoWork, watch_inboxes
from worker.inbox.watcher import Scan
from worker.readers.pool import ReaderPool
from worker.screening.assembly import load_warm_classifier, open_embedded, open_worklist
from worker.screening.screener import Classifier
from worker.service.celery_app import create_app
from worker.service.celery_repair import LostAcknowledgement
from worker.service.jobs import list_jobs
from worker.service.schedule import Job, Schedule
from worker.service.screen_task import add_screen_task, work_off
from worker.service.sweeper import Sweep, Sweeper
from worker.settings import Settings


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
    app.steps["worker"].add(beating(Heartbeat(settings.heartbeat)))
    with serving(app, settings, load):
        return _consume(app, settings.log_level)


@contextmanager
def serving(
    app: Celery, settings: Settings, load: Callable[[Path], Classifier] | None = None
) -> Iterator[None]:
    """Make an application answer hints, within this context, until its worker is told to stop.

    Raises
    ------
    PneumoscreenError
        If the release or the database cannot be used.
    """
    stop, heartbeat = Event(), Heartbeat(settings.heartbeat)
    load = load or partial(
        load_warm_classifier, engine=settings.engine, batch_size=settings.batch_size
    )
    with (
        ReaderPool.of(settings) as readers,
        _open_database(settings) as (_, clock),
        open_embedded(settings, clock, readers, load) as station,
    ):
        station.network.get()
        add_screen_task(app, lambda: work_off(station.screener, stop, clock, heartbeat))
        worker_shutting_down.connect(lambda **_: stop.set(), weak=False)
        yield


def run_watcher(
    settings: Settings, inboxes: Sequence[Path], stop: Event, on_scan: Callable[[Scan], None]
) -> None:
    """Watch inboxes, register what arrives, and hint; screen nothing.

    Raises
    ------
    PneumoscreenError
        If the database or the broker's address cannot be used.
    """
    app = create_app(settings)
    heartbeat = Heartbeat(settings.heartbeat)

    def report(scan: Scan) -> None:
        heartbeat.renew()
        with suppress(OSError):  # standard output on a full disk
            on_scan(scan)

    with ReaderPool.of(settings) as readers, _open_database(settings) as (engine, clock):
        hints = CeleryHints(app, clock, settings.batch_size)
        watch_inboxes(
            inboxes,
            UnpackingRegistrar(Registrar(engine, readers, clock), readers, engine, clock),
            NoWork(),
            settings=settings,
            engine=engine,
            clock=clock,
            stop=stop,
            on_scan=report,
            on_registered=hints.send_urgent,
        )


def run_schedule(settings: Settings, stop: Event) -> None:
    """Do the scheduled jobs until stopped. Several processes at once do no harm.

    Raises
    ------
    PneumoscreenError
        If the database or the broker's address cannot be used.
    """
    with open_schedule(create_app(settings), settings) as schedule:
        schedule.run(stop)


@contextmanager
def open_schedule(app: Celery, settings: Settings) -> Iterator[Schedule]:
    """Give the scheduled jobs of a site, to be driven by whoever keeps the time.

    Raises
    ------
    PneumoscreenError
        If the release or the database cannot be used.
    """
    with _open_database(settings) as (engine, clock):
        hints = CeleryHints(app, clock, settings.batch_size)
        jobs = list_jobs(settings, engine, hints, clock)
        renew = Job("heartbeat", INTERVAL_S, Heartbeat(settings.heartbeat).renew)
        yield Schedule([renew, *jobs], clock)


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
        hostname=f"pneumoscreen-{os.getpid()}@{socket.gethostname()}",
        loglevel=log_level,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def beating(heartbeat: Heartbeat) -> type[bootsteps.StartStopStep]:
    """Make Celery's idle loop renew the heartbeat, and look whether an acknowledgement was lost."""

    class Beating(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = ("celery.worker.components:Timer",)

        def start(self, parent: Any) -> None:  # noqa: ANN401 - Celery's worker
            lost = LostAcknowledgement(lambda: parent.consumer.task_consumer.channel.qos)
            parent.timer.call_repeatedly(INTERVAL_S, heartbeat.renew)
            parent.timer.call_repeatedly(INTERVAL_S, lost.look)

    return Beating

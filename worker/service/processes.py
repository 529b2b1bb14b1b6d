"""Composes the distributed product: watchers, workers and a scheduler as processes of their own.

They share a database and, for hints, a broker. This module must not know how a file is registered
or screened: the embedded product calls the same functions.
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

from worker.database import open_database
from worker.heartbeat import INTERVAL_S, Heartbeat
from worker.inbox.registrar import Registrar
from worker.inbox.unpacking_registrar import UnpackingRegistrar
from worker.inbox.watch import watching
from worker.inbox.watcher import Scan
from worker.readers.pool import ReaderPool
from worker.screening.assembly import LoadNetwork, load_warm_classifier, open_screening_worker
from worker.screening.work_loop import work_off
from worker.service.celery_app import create_app
from worker.service.celery_hints import CeleryHints
from worker.service.celery_repair import LostAcknowledgement
from worker.service.jobs import list_jobs
from worker.service.schedule import Schedule, heartbeat_job
from worker.service.screen_task import add_screen_task
from worker.service.sweeper import Sweep, Sweeper
from worker.settings import Settings


def run_worker(settings: Settings, load: LoadNetwork | None = None) -> int:
    """Answer hints until SIGTERM or SIGINT; gives the exit status.

    The release is checked, the network loaded and every batch shape warmed up before the first
    hint is taken. SIGTERM and SIGINT finish the batch under way and hand back the next one.

    Raises
    ------
    PneumoscreenError
        If the release, the database or the broker's address cannot be used.
    """
    app = create_app(settings)
    app.steps["worker"].add(heartbeat_step(Heartbeat(settings.heartbeat)))
    with serving(app, settings, load):
        return _consume(app, settings.log_level)


@contextmanager
def serving(app: Celery, settings: Settings, load: LoadNetwork | None = None) -> Iterator[None]:
    """Make an application answer hints within this context, until its worker shuts down.

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
        open_database(settings.database_url) as database,
        open_screening_worker(settings, database, readers, load) as worker,
    ):
        worker.network.get()
        add_screen_task(
            app, lambda: work_off(worker.screener, stop, database.clock, heartbeat.renew)
        )
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

    with ReaderPool.of(settings) as readers, open_database(settings.database_url) as database:
        engine, clock = database.engine, database.clock
        with watching(
            inboxes,
            UnpackingRegistrar(Registrar(engine, readers, clock), readers, engine, clock),
            settings=settings,
            database=database,
            stop=stop,
            on_scan=report,
            on_registered=CeleryHints(app, clock, settings.batch_size).send_urgent,
        ):
            stop.wait()


def run_schedule(settings: Settings, stop: Event) -> None:
    """Run the scheduled jobs until stopped. Several processes at once do no harm.

    Raises
    ------
    PneumoscreenError
        If the database or the broker's address cannot be used.
    """
    with open_schedule(create_app(settings), settings) as schedule:
        schedule.run(stop)


@contextmanager
def open_schedule(app: Celery, settings: Settings) -> Iterator[Schedule]:
    """Give the scheduled jobs of a site, to be driven by `run_schedule` or by Celery's beat.

    Raises
    ------
    PneumoscreenError
        If the release or the database cannot be used.
    """
    with open_database(settings.database_url) as database:
        hints = CeleryHints(app, database.clock, settings.batch_size)
        jobs = list_jobs(settings, database.engine, hints, database.clock)
        yield Schedule([heartbeat_job(settings.heartbeat), *jobs], database.clock)


def sweep_once(settings: Settings) -> Sweep:
    """Sweep by hand.

    Raises
    ------
    PneumoscreenError
        If the database or the broker's address cannot be used.
    """
    app = create_app(settings)
    with open_database(settings.database_url) as database:
        hints = CeleryHints(app, database.clock, settings.batch_size)
        return Sweeper(database.engine, hints, database.clock).sweep()


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


def heartbeat_step(heartbeat: Heartbeat) -> type[bootsteps.StartStopStep]:
    """Make Celery's idle loop renew the heartbeat, and look whether an acknowledgement was lost."""

    class HeartbeatStep(bootsteps.StartStopStep):  # type: ignore[misc]
        requires = ("celery.worker.components:Timer",)

        def start(self, parent: Any) -> None:  # noqa: ANN401 - Celery's worker
            lost = LostAcknowledgement(lambda: parent.consumer.task_consumer.channel.qos)
            parent.timer.call_repeatedly(INTERVAL_S, heartbeat.renew)
            parent.timer.call_repeatedly(INTERVAL_S, lost.look)

    return HeartbeatStep

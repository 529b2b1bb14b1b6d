"""The embedded product: one process watches, registers, screens and runs the jobs, no broker.

The one place where it is composed: the command line and the tests both call it. This module must
not know options or what is printed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event

from worker.database import open_database
from worker.hints import NoHints
from worker.inbox.watch import watching
from worker.inbox.watcher import Scan
from worker.readers.pool import ReaderPool
from worker.screening.assembly import LoadNetwork, load_warm_classifier, open_screening_worker
from worker.screening.work_loop import run_work_loop
from worker.service.jobs import list_jobs
from worker.service.schedule import Schedule, heartbeat_job
from worker.settings import Settings


def watch_embedded(
    settings: Settings,
    inboxes: Sequence[Path],
    stop: Event,
    on_scan: Callable[[Scan], None],
    load: LoadNetwork | None = None,
) -> None:
    """Watch inboxes and screen what arrives, until stopped.

    A batch under way is finished first, and what was claimed and not begun is handed back.

    Parameters
    ----------
    load
        Loads a release's network: by default the settings' engine, every batch shape warmed up.

    Raises
    ------
    PneumoscreenError
        If the release, the database or the source policy cannot be used.
    """
    load = load or partial(
        load_warm_classifier, engine=settings.engine, batch_size=settings.batch_size
    )
    registered = Event()
    with (
        ReaderPool.of(settings) as readers,
        open_database(settings.database_url) as database,
        open_screening_worker(settings, database, readers, load) as worker,
    ):
        worker.network.start()
        jobs = list_jobs(settings, database.engine, NoHints(), database.clock)
        schedule = Schedule([heartbeat_job(settings.heartbeat), *jobs], database.clock)
        with watching(
            inboxes,
            worker.registrar,
            settings=settings,
            database=database,
            stop=stop,
            on_scan=on_scan,
            on_registered=lambda _files: registered.set(),
        ):
            run_work_loop(
                worker.screener, schedule, database.clock, stop=stop, registered=registered
            )

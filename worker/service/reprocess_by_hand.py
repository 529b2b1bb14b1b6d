"""The command `reprocess`: counts, compares, or sends instances back to the workers.

With a broker, workers elsewhere screen them; without one, this process does. This module must not
know what is printed.
"""

from collections.abc import Sequence
from threading import Event

from db.connection.engine import read_session
from db.work.reprocessing import Selection, count_to_reprocess
from pipeline.release import load_release
from worker.database import Database, open_database
from worker.hints import NoHints
from worker.readers.pool import ReaderPool
from worker.screening.assembly import (
    finish_recount,
    load_classifier,
    load_for,
    open_screening_worker,
)
from worker.screening.reprocess import requeue
from worker.screening.run import Progress
from worker.screening.shadow_run import Flips, compare
from worker.service.celery_app import create_app
from worker.service.celery_hints import CeleryHints
from worker.settings import Settings


def count_selected(settings: Settings, selection: Selection) -> int:
    """Count what a run would send back.

    Raises
    ------
    DatabaseError
        If the database cannot be read.
    """
    with open_database(settings.database_url) as database:
        return _count(database, selection)


def reprocess_now(settings: Settings, selection: Selection, progress: Progress) -> int:
    """Send everything selected back to the workers; without a broker, screen it here and now.

    Raises
    ------
    PneumoscreenError
        If the database or the release cannot be used.
    """
    with open_database(settings.database_url) as database:
        engine, clock = database.engine, database.clock
        selected = _count(database, selection)
        progress.start("Queueing", selected)
        if settings.broker_url is not None:
            hints = CeleryHints(create_app(settings), clock, settings.batch_size)
            return requeue(engine, selection, clock, hints, progress.advance)
        load = load_for(settings, selected)
        with (
            ReaderPool.of(settings) as readers,
            open_screening_worker(settings, database, readers, load) as worker,
        ):
            finish_recount(database)
            count = requeue(engine, selection, clock, NoHints(), progress.advance)
            progress.start("Screening", count)
            worker.screener.run_until_idle(Event(), progress.advance)
    return count


def compare_releases(
    settings: Settings, selection: Selection, progress: Progress
) -> Sequence[Flips]:
    """Score what was screened with the settings' release, and compare; nothing is written.

    Raises
    ------
    PneumoscreenError
        If the database or the release cannot be used.
    """
    progress.start("Comparing", None)
    with ReaderPool.of(settings) as readers, open_database(settings.database_url) as database:
        return compare(
            database.engine,
            readers,
            load_classifier(settings.release, settings.engine, for_many=True),
            load_release(settings.release),
            settings.eligibility,
            selection=selection,
            batch_size=settings.batch_size,
            on_compared=progress.advance,
        )


def _count(database: Database, selection: Selection) -> int:
    with read_session(database.engine) as session:
        return count_to_reprocess(session, selection)

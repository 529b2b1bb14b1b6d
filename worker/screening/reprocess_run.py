"""One run of `reprocess` by hand: count, compare, or send back to the workers.

With a broker the workers are elsewhere; without one, the run is its own worker.
"""

from collections.abc import Sequence
from functools import partial
from threading import Event

from db.connection.engine import read_session
from db.work.reprocessing import Selection, count_to_reprocess
from pipeline.release import load_release
from worker.cli.show.rendering import Column, Format, print_notes, print_rows
from worker.clock import SystemClock
from worker.hints import CeleryHints, NoHints
from worker.readers.pool import ReaderPool
from worker.screening.assembly import load_classifier, load_for, open_embedded, open_worklist
from worker.screening.reprocess import requeue
from worker.screening.run import Progress
from worker.screening.shadow_run import Flips, compare
from worker.service.celery_app import create_app
from worker.settings import Settings


def count_selected(settings: Settings, selection: Selection) -> int:
    """Count what a run would send back.

    Raises
    ------
    DatabaseError
        If the database cannot be read.
    """
    with read_session(open_worklist(settings.database_url)) as session:
        return count_to_reprocess(session, selection)


def reprocess_now(settings: Settings, selection: Selection, progress: Progress) -> int:
    """Send everything selected back to the workers; without a broker, screen it here and now.

    Raises
    ------
    PneumoscreenError
        If the database or the release cannot be used.
    """
    clock = SystemClock()
    selected = count_selected(settings, selection)
    progress.start("Queueing", selected)
    if settings.broker_url is not None:
        hints = CeleryHints(create_app(settings), clock, settings.batch_size)
        engine = open_worklist(settings.database_url)
        return requeue(engine, selection, clock, hints, progress.advance)
    load = load_for(settings, selected)
    with (
        ReaderPool.of(settings) as readers,
        open_embedded(settings, clock, readers, load) as embedded,
    ):
        count = requeue(embedded.engine, selection, clock, NoHints(), progress.advance)
        progress.start("Screening", count)
        embedded.screener.run_until_idle(Event(), progress.advance)
    return count


def compare_releases(
    settings: Settings, selection: Selection, progress: Progress
) -> Sequence[Flips]:
    """Score what was screened with the settings' release, beside the results that stand.

    Raises
    ------
    PneumoscreenError
        If the database or the release cannot be used.
    """
    progress.start("Comparing", None)
    load = partial(load_classifier, engine=settings.engine, for_many=True)
    with (
        ReaderPool.of(settings) as readers,
        open_embedded(settings, SystemClock(), readers, load) as embedded,
    ):
        return compare(
            embedded.engine,
            embedded.readers,
            embedded.network.get(),
            load_release(settings.release),
            settings.eligibility,
            selection=selection,
            batch_size=settings.batch_size,
            on_compared=progress.advance,
        )


def print_flips(flips: Sequence[Flips], output: Format) -> None:
    """Print what a candidate release would change, a row a group."""
    columns: list[Column[Flips]] = [
        Column("By", lambda each: each.group),
        Column("", lambda each: each.value),
        Column("Compared", lambda each: str(each.compared), "right"),
        Column("More urgent", lambda each: str(each.up), "right"),
        Column("Less urgent", lambda each: str(each.down), "right"),
        Column("Unreadable", lambda each: str(each.unreadable), "right"),
        Column("Mean shift", lambda each: f"{each.mean_shift:+.4f}", "right"),
    ]
    print_rows(flips, columns, "Shadow run: what this release would change", output)
    if not flips:
        print_notes(["nothing was screened yet, so there is nothing to compare"], output)

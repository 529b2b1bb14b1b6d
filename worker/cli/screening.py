"""`screen`, `watch` and `demo`: the commands that put radiographs through the walk."""

import signal
from functools import partial
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from worker.cli.show.rendering import Format

DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Database [default: PNEUMOSCREEN_DATABASE_URL]"),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="Studies shown in the table.")]


def screen(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders to screen.")],
    database: DatabaseOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write one JSON line per input file.")
    ] = None,
    output: FormatOption = Format.TABLE,
    limit: LimitOption = 50,
) -> None:
    """Screen files and folders now, and print their worklist."""
    from worker.inbox.folders import count_up_to
    from worker.readers.pool import ReaderPool
    from worker.startup import start

    settings = start(database)
    # A service manager's stop leaves like Ctrl-C does: claims are handed back on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # No more readers than there are files; what follows is imported while they start.
    with ReaderPool.of(settings, most=count_up_to(settings.readers, paths)) as readers:
        from worker.cli.show.progress import show_progress
        from worker.cli.show.summaries import print_run
        from worker.clock import SystemClock
        from worker.screening.run import check_report_path, screen_paths

        if report is not None:
            check_report_path(report)
        clock = SystemClock()
        with show_progress() as progress:
            shown = limit if output is Format.TABLE else None
            run = screen_paths(
                settings, paths, clock, readers, progress, report=report, limit=shown
            )
    print_run(run, clock.now(), output)


def watch(
    inboxes: Annotated[
        list[Path] | None,
        typer.Argument(metavar="INBOX", help="Ingest folders. [default: PNEUMOSCREEN_INBOX]"),
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Watch ingest folders and screen whatever arrives, until stopped.

    With a broker set, only register it: `pneumoscreen worker` processes do the screening.
    """
    from worker.cli.show.summaries import print_scan
    from worker.clock import SystemClock
    from worker.hints import NoHints
    from worker.inbox.archives import UnpackingRegistrar
    from worker.inbox.folders import check_folder
    from worker.inbox.watch import watch_inboxes
    from worker.readers.pool import ReaderPool
    from worker.screening.assembly import load_warm_classifier, open_embedded
    from worker.service.jobs import list_jobs
    from worker.service.processes import run_watcher
    from worker.service.schedule import Schedule, ScheduledWorker
    from worker.startup import start

    settings = start(database)
    folders = [check_folder(inbox) for inbox in inboxes or ()] or [check_folder(settings.inbox)]
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    if settings.broker_url is not None:
        run_watcher(settings, folders, stop, print_scan)
        return
    clock = SystemClock()
    load = partial(load_warm_classifier, engine=settings.engine, batch_size=settings.batch_size)
    with (
        ReaderPool.of(settings) as readers,
        open_embedded(settings, clock, readers, load) as embedded,
    ):
        embedded.network.start()
        jobs = list_jobs(settings, embedded.engine, NoHints(), clock)
        watch_inboxes(
            folders,
            UnpackingRegistrar(embedded.registrar, embedded.readers, embedded.engine, clock),
            ScheduledWorker(embedded.screener, Schedule(jobs, clock)),
            settings=settings,
            engine=embedded.engine,
            clock=clock,
            stop=stop,
            on_scan=print_scan,
        )


def demo(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the phantoms and the database are put.")
    ] = Path("demo"),
    seed: Annotated[int, typer.Option("--seed", help="Which phantoms are drawn.")] = 0,
    output: FormatOption = Format.TABLE,
) -> None:
    """Make synthetic studies, screen them, and print the worklist."""
    from worker.cli.show.progress import show_progress
    from worker.cli.show.summaries import print_demo_note, print_run
    from worker.clock import SystemClock
    from worker.phantoms.studies import write_phantoms
    from worker.readers.pool import ReaderPool
    from worker.screening.run import screen_paths
    from worker.startup import start

    inbox = folder / "inbox"
    settings = start(f"sqlite:///{folder / 'worklist.db'}")
    write_phantoms(inbox, seed)
    clock = SystemClock()
    with ReaderPool.of(settings) as readers, show_progress() as progress:
        run = screen_paths(settings, [inbox], clock, readers, progress)
    print_run(run, clock.now(), output)
    print_demo_note(folder, output)

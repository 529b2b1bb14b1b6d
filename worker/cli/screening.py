"""`screen`, `watch` and `demo`: the commands that screen radiographs."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.options import DatabaseOption, FormatOption, LimitOption
from worker.cli.show.rendering import Format
from worker.cli.signals import stop_event


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
        from worker.screening.run import check_report_path, screen_paths

        if report is not None:
            check_report_path(report)
        with show_progress() as progress:
            shown = limit if output is Format.TABLE else None
            run = screen_paths(settings, paths, readers, progress, report=report, limit=shown)
    print_run(run, output)


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
    from worker.inbox.folders import check_folder
    from worker.startup import start

    settings = start(database)
    folders = [check_folder(inbox) for inbox in inboxes or ()] or [check_folder(settings.inbox)]
    stop = stop_event()
    if settings.broker_url is None:
        from worker.service.embedded import watch_embedded

        watch_embedded(settings, folders, stop, print_scan)
    else:
        from worker.service.processes import run_watcher

        run_watcher(settings, folders, stop, print_scan)


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
    from worker.phantoms.studies import write_phantoms
    from worker.readers.pool import ReaderPool
    from worker.screening.run import screen_paths
    from worker.startup import start

    inbox = folder / "inbox"
    settings = start(f"sqlite:///{folder / 'worklist.db'}")
    write_phantoms(inbox, seed)
    with ReaderPool.of(settings) as readers, show_progress() as progress:
        run = screen_paths(settings, [inbox], readers, progress)
    print_run(run, output)
    print_demo_note(folder, output)

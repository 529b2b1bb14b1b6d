"""`worker`, `beat`, `sweep` and `reprocess`: the processes of the distributed product."""

import signal
from datetime import UTC, datetime
from typing import Annotated

import typer

from pipeline.codes import InstanceState
from worker.cli.options import DatabaseOption, FormatOption
from worker.cli.show.rendering import Format
from worker.cli.signals import stop_event


def worker(database: DatabaseOption = None) -> None:
    """Screen what is registered, one process a GPU, whenever a hint comes through the broker."""
    from worker.service.processes import run_worker
    from worker.startup import start

    raise typer.Exit(run_worker(start(database)))


def beat(database: DatabaseOption = None) -> None:
    """Sweep, escalate and reprocess by the clock; several may run, for safety."""
    from worker.service.processes import run_schedule
    from worker.startup import start

    run_schedule(start(database), stop_event())


def sweep(database: DatabaseOption = None) -> None:
    """Sweep once, by hand: put back what dead workers held, and hint at whatever waits."""
    from worker.service.processes import sweep_once
    from worker.startup import start

    swept = sweep_once(start(database))
    typer.echo(
        f"{swept.expired_leases} leases had expired, {swept.due} rows wait, "
        f"{swept.hints_sent} hints sent"
    )


def health() -> None:
    """Tell a supervisor whether this container's process is well: exit code 0 or 1."""
    from worker.heartbeat import is_alive
    from worker.startup import start

    file = start().heartbeat
    if file is None:
        raise typer.BadParameter("no heartbeat to look at; set PNEUMOSCREEN_HEARTBEAT")
    if not is_alive(file):
        typer.echo("no sign of life for two minutes; see the log, and restart the process")
        raise typer.Exit(1)


def reprocess(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Write nothing: score with this release, and count whose priority would change.",
        ),
    ] = False,
    since: Annotated[
        datetime | None, typer.Option("--since", help="Registered then or later, UTC.")
    ] = None,
    status: Annotated[
        list[InstanceState],
        typer.Option("--status", help="Instances in this state; may be repeated."),
    ] = [InstanceState.SCREENED],  # noqa: B006 - Typer's way to give a list's default
    site: Annotated[
        str | None, typer.Option("--site", help="Institution Name or Station Name.")
    ] = None,
    database: DatabaseOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Send what the current release has not screened back to the workers, in the backfill lane."""
    from db.work.reprocessing import Selection
    from pipeline.release import load_release
    from worker.cli.show.progress import show_progress
    from worker.cli.show.shadow_run import print_flips
    from worker.service.reprocess_by_hand import compare_releases, count_selected, reprocess_now
    from worker.startup import start

    settings = start(database)
    selection = Selection(
        load_release(settings.release).name,
        since=since.replace(tzinfo=UTC) if since else None,
        states=frozenset(status),
        institution_or_station=site,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with show_progress() as progress:
        if compare:
            print_flips(compare_releases(settings, selection, progress), output)
        elif dry_run:
            typer.echo(f"{count_selected(settings, selection)} instances lack {selection.release}")
        else:
            sent = reprocess_now(settings, selection, progress)
            typer.echo(f"{sent} instances sent to the workers for {selection.release}")

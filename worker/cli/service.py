"""`worker`, `beat`, `sweep` and `reprocess`: the processes of the distributed product."""

import signal
from threading import Event

import typer

from worker.cli.screening import DatabaseOption


def stop_event() -> Event:
    """Give an event that SIGTERM and SIGINT set, so that what is under way is finished first."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def worker(database: DatabaseOption = None) -> None:
    """Screen what is registered, one process a GPU, whenever a hint comes through the broker."""
    from worker.cli.startup import start
    from worker.service import run_worker

    raise typer.Exit(run_worker(start(database)))


def beat(database: DatabaseOption = None) -> None:
    """Sweep, escalate and reprocess by the clock; several may run, for safety."""
    from worker.cli.startup import start
    from worker.service import run_schedule

    run_schedule(start(database), stop_event())


def sweep(database: DatabaseOption = None) -> None:
    """Sweep once, by hand: put back what dead workers held, and hint at whatever waits."""
    from worker.cli.startup import start
    from worker.service import sweep_once

    swept = sweep_once(start(database))
    typer.echo(
        f"{swept.expired_leases} leases had expired, {swept.due} rows wait, "
        f"{swept.hints_sent} hints sent"
    )

"""Progress bars on standard error, so that standard output holds the result alone.

This module must not know what makes progress.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class ProgressBars:
    """One bar a phase; a phase ends when the next one starts."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task = bars.add_task("Starting", total=None)

    def start(self, what: str, total: int | None) -> None:
        """Begin a phase of so many files (None: not known yet)."""
        self._bars.remove_task(self._task)
        self._task = self._bars.add_task(what, total=total)

    def advance(self, count: int) -> None:
        """Note that so many more files of this phase are done."""
        self._bars.advance(self._task, count)


@contextmanager
def show_progress() -> Iterator[ProgressBars]:
    """Show bars at a terminal; print nothing where there is none."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        yield ProgressBars(bars)

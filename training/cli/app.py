"""The commands of ``python -m training``, and how an expected failure ends one.

This module must not know what a command does.
"""

import sys
from collections.abc import Callable

import typer
from rich.console import Console
from rich.markup import escape

from pipeline.errors import PneumoscreenError
from training.cli import data, evaluation, fitting, quality, release

app = typer.Typer(
    help="From the public datasets to a measured model release: cohort, fit, release, evaluate.",
    no_args_is_help=True,
)
app.command()(data.cohort)
app.command()(data.augment)
app.command()(fitting.network)
app.command()(fitting.fit)
app.command()(fitting.blend)
app.command()(release.release)
app.command()(release.quantize)
app.command()(evaluation.evaluate)
app.command()(evaluation.compare)
app.command()(quality.fit_appearance)
app.command()(quality.fit_lung_locator)
app.command()(quality.fit_lung_coverage)
app.command()(quality.measure_flags)


def main() -> None:
    """Run the command line."""
    run_command(app)


def run_command(command: Callable[[], None]) -> None:
    """Run a command; an expected failure is one line on standard error, and exit code 1."""
    try:
        command()
    except PneumoscreenError as error:
        # Escaped: a path or an extra in brackets is no markup.
        Console(stderr=True, soft_wrap=True).print(
            f"[red]error:[/] {escape(str(error))}", highlight=False
        )
        sys.exit(1)

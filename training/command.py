"""How a command of training ends: done, or in one line that says what to mend."""

import sys
from collections.abc import Callable

from rich.console import Console
from rich.markup import escape

from pipeline.errors import PneumoscreenError


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

"""Shows what `doctor` found.

This module must not examine anything.
"""

from collections.abc import Sequence

from rich.text import Text

from worker.cli.doctor import Checkup, Verdict
from worker.cli.show.rendering import Column, Format, print_rows


def print_examination(checkups: Sequence[Checkup], output: Format) -> None:
    """Print one row a part."""
    styles = {Verdict.WORKS: "green", Verdict.NOTE: "yellow", Verdict.FAULT: "bold red"}
    columns: list[Column[Checkup]] = [
        Column("Part", lambda checkup: checkup.part),
        Column("", lambda checkup: Text(checkup.verdict, style=styles[checkup.verdict])),
        Column("Found", lambda checkup: Text(checkup.found), no_wrap=False),
        Column("What to do", lambda checkup: Text(checkup.mend), no_wrap=False),
    ]
    print_rows(checkups, columns, "Doctor", output)

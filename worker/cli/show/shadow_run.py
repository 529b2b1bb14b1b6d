"""Shows what a shadow run found.

This module must not know how a release is compared.
"""

from collections.abc import Sequence

from worker.cli.show.rendering import Column, Format, print_notes, print_rows
from worker.screening.shadow_run import Flips


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

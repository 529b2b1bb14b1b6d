"""The options and arguments that several commands share.

This module must not import anything large: every command imports it.
"""

from typing import Annotated

import typer

from worker.cli.show.rendering import Format

DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Database [default: PNEUMOSCREEN_DATABASE_URL]"),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="Studies shown in the table.")]
ByOption = Annotated[str, typer.Option("--by", help="Who says so, as the site names its staff.")]
StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="UID", help="Study Instance UID or its last digits, or accession number."
    ),
]

"""Prints rows for people and for programs: a Rich table, JSON or CSV, from the same dataclasses.

This module must not know what the rows are.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.plain_values import to_plain

Row = TypeVar("Row")


class Format(StrEnum):
    """How a command prints its result."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column of a table for people."""

    header: str
    value: Callable[[Row], str | Text]
    justify: Literal["left", "right"] = "left"
    no_wrap: bool = True
    min_width: int | None = None


def print_rows(
    rows: Sequence[Row], columns: Sequence[Column[Row]], title: str, output: Format
) -> None:
    """Print rows to standard output; JSON and CSV carry every field of the dataclass."""
    console = Console(soft_wrap=output is not Format.TABLE)
    match output:
        case Format.TABLE:
            console.print(_table(rows, columns, title))
        case Format.JSON:
            console.out(json.dumps([to_plain(row) for row in rows], indent=2), highlight=False)
        case Format.CSV:
            console.out(_csv([to_plain(row) for row in rows]), end="", highlight=False)


def print_notes(lines: Iterable[str | Text], output: Format) -> None:
    """Print lines for people, to standard error when the output is meant for a program."""
    console = Console(stderr=output is not Format.TABLE, highlight=False)
    for line in lines:
        console.print(line)


def _table(rows: Sequence[Row], columns: Sequence[Column[Row]], title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        table.add_column(
            column.header,
            justify=column.justify,
            no_wrap=column.no_wrap,
            min_width=column.min_width,
            overflow="ellipsis" if column.no_wrap else "fold",
        )
    for row in rows:
        table.add_row(*(column.value(row) for column in columns))
    return table


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: " ".join(v) if isinstance(v, list) else v for k, v in row.items()})
    # A file name may hold bytes that are no text: they are printed escaped.
    return text.getvalue().encode(errors="backslashreplace").decode()

"""Shows rows to people and to programs: a Rich table, JSON, or CSV, from the same dataclasses."""

import csv
import dataclasses
import io
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

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


def to_plain(value: Any) -> Any:  # noqa: ANN401 - JSON is what it is
    """Turn a value into what JSON can carry: ISO dates, text for paths, lists for sets."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


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
    # A file name that is no text is shown with its odd bytes escaped.
    return text.getvalue().encode(errors="backslashreplace").decode()

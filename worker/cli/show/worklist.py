"""Shows the worklist. Imports nothing large: `pneumoscreen worklist` must answer at once.

This module must not know where the lines come from.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from db.worklist.entry import WorklistEntry
from pipeline.codes import Band, Flag, Priority, ReasonCode, StudyStatus
from worker.cli.show.rendering import Column, Format, print_notes, print_rows

_PRIORITY_STYLE: Final = {
    Priority.STAT: "bold white on red",
    Priority.HIGH: "bold yellow",
    Priority.ROUTINE: "green",
}
_BAND_STYLE: Final = {Band.POSITIVE: "red", Band.INDETERMINATE: "yellow", Band.NEGATIVE: "green"}
_UID_TAIL: Final = 8
_LONGEST_WORD: Final = max(map(len, (*ReasonCode, *Flag)))
# Below so many characters a column gives way to the others; `show` has all of them.
_NARROWEST_TERMINAL: Final = {
    "Study date": 150,
    "Accession": 140,
    "Waiting": 120,
    "Patient": 115,
    "Status": 100,
    "Ordered": 90,
    "Age": 90,
}


def print_worklist(
    entries: Sequence[WorklistEntry], now: datetime, output: Format, studies: int
) -> None:
    """Print the first of so many studies, in reading order."""
    if not entries and output is Format.TABLE:
        print_notes(["the worklist is empty: nothing has arrived"], output)
        return
    print_rows(entries, _worklist_columns(entries, now), "Worklist, in reading order", output)
    if len(entries) < studies:
        left = studies - len(entries)
        print_notes([f"{left} more studies follow; --limit shows more of them"], output)


def _worklist_columns(
    entries: Sequence[WorklistEntry], now: datetime
) -> list[Column[WorklistEntry]]:
    columns: list[Column[WorklistEntry]] = [
        Column("Priority", _priority),
        Column("Ordered", lambda entry: entry.ordered_priority or ""),
        Column("Status", lambda entry: entry.status),
        Column("Finding", _finding),
        Column("Patient", lambda entry: escape(entry.patient_id or "-"), no_wrap=False),
        Column("Age", _age, "right"),
        Column("Study date", lambda entry: str(entry.study_date or "-")),
        Column("Accession", lambda entry: escape(entry.accession_number or "-"), no_wrap=False),
        Column("Study UID", lambda entry: "…" + entry.study_instance_uid[-_UID_TAIL:]),
        Column("Waiting", lambda entry: _duration(now - entry.waiting_since), "right"),
        Column("Reasons and flags", _remarks, no_wrap=False, min_width=_LONGEST_WORD),
    ]
    left_out = {
        header for header, narrowest in _NARROWEST_TERMINAL.items() if Console().width < narrowest
    }
    # A column in which no study has anything to say only takes room from the others.
    optional: dict[str, Callable[[WorklistEntry], object]] = {
        "Ordered": lambda entry: entry.ordered_priority,
        "Study date": lambda entry: entry.study_date,
        "Accession": lambda entry: entry.accession_number,
    }
    left_out |= {header for header, value in optional.items() if not any(map(value, entries))}
    return [column for column in columns if column.header not in left_out]


def _priority(entry: WorklistEntry) -> Text:
    if entry.priority is None:
        unread = entry.status is not StudyStatus.NOT_SCREENED
        return Text("pending" if unread else "-", style="dim")
    return Text(entry.priority, style=_PRIORITY_STYLE.get(entry.priority, ""))


def _finding(entry: WorklistEntry) -> Text:
    if entry.band is None or entry.probability is None:
        return Text("-", style="dim")
    return Text(f"{entry.band} {entry.probability:.3f}", style=_BAND_STYLE[entry.band])


def _age(entry: WorklistEntry) -> str:
    years = entry.patient_age_years
    if years is None:
        return "-"
    # Paediatrics counts in months below two years.
    return f"{int(years * 12)} mo" if years < 2 else f"{int(years)} y"  # noqa: PLR2004


def _remarks(entry: WorklistEntry) -> Text:
    text = Text(" ".join(entry.reason_codes), style="bold")
    if entry.reason_codes and entry.flags:
        text.append(" ")
    return text.append(" ".join(entry.flags), style="not bold dim")


def _duration(elapsed: timedelta) -> str:
    if elapsed < timedelta(hours=1):
        return f"{max(elapsed, timedelta(0)) // timedelta(minutes=1)} min"
    if elapsed < timedelta(days=2):
        return f"{elapsed // timedelta(hours=1)} h"
    return f"{elapsed // timedelta(days=1)} d"

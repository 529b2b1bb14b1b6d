"""What people see: the worklist, what was not screened and why, a study's history.

File names appear here, on the terminal of the person who named the folder, and nowhere else.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from db.checks import Problem
from db.outcomes import FileOutcome
from db.worklist import WorklistEntry
from pipeline.codes import Band, Flag, InstanceState, Priority, ReasonCode, StudyStatus
from worker.rendering import Column, Format, print_notes, print_rows
from worker.screen_run import ScreenRun
from worker.watcher import Scan

_PRIORITY_STYLE: Final = {
    Priority.STAT: "bold white on red",
    Priority.HIGH: "bold yellow",
    Priority.ROUTINE: "green",
}
_BAND_STYLE: Final = {Band.POSITIVE: "red", Band.INDETERMINATE: "yellow", Band.NEGATIVE: "green"}
_STATE_ORDER: Final = tuple(InstanceState)
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


def print_run(run: ScreenRun, now: datetime, output: Format, limit: int) -> None:
    """Print a run's worklist, what was not screened, and the counts."""
    print_worklist(run.worklist, now, output, limit)
    refused = [found for found in run.outcomes if found.reason_code is not None]
    if refused and output is Format.TABLE:
        print_refusals(refused)
    print_notes(_summary(run), output)


def print_worklist(
    entries: Sequence[WorklistEntry], now: datetime, output: Format, limit: int
) -> None:
    """Print studies in reading order; a table shows the first ``limit`` of them."""
    if not entries and output is Format.TABLE:
        print_notes(["the worklist is empty: nothing has arrived"], output)
        return
    shown = entries[:limit] if output is Format.TABLE else entries
    print_rows(shown, _worklist_columns(shown, now), "Worklist, in reading order", output)
    if len(shown) < len(entries):
        print_notes(
            [f"{len(entries) - len(shown)} more studies follow; --limit shows more of them"], output
        )


def print_refusals(refused: Sequence[FileOutcome]) -> None:
    """Print what was not screened: one row a reason, with an example of it."""
    groups: dict[tuple[str, str], list[FileOutcome]] = {}
    for found in sorted(refused, key=lambda found: _STATE_ORDER.index(found.status)):
        groups.setdefault((found.status, str(found.reason_code)), []).append(found)
    columns: list[Column[list[FileOutcome]]] = [
        Column("State", lambda group: group[0].status),
        Column("Reason", lambda group: str(group[0].reason_code)),
        Column("Files", lambda group: str(len(group)), "right"),
        Column("For example", lambda group: _file_name(group[0].path), no_wrap=False),
        Column("Detail", lambda group: escape(group[0].detail or ""), no_wrap=False),
    ]
    print_rows(list(groups.values()), columns, "Not screened, and why", Format.TABLE)


def print_scan(scan: Scan) -> None:
    """Print one line for a scan that found something new."""
    if scan.registered or scan.unreadable:
        line = f"{scan.registered} registered, {scan.settling} settling, {scan.files} in the inbox"
        if scan.unreadable:
            line += f", {scan.unreadable} cannot be read: see `pneumoscreen db check`"
        Console(highlight=False).print(line)


def print_demo_note(folder: Path, output: Format) -> None:
    """Say what the phantoms are, and what to try next."""
    print_notes(
        [
            "",
            "[bold]These studies are drawings[/bold], marked SYNTHETIC PHANTOM on their face:",
            "the walk is real, their probabilities mean nothing. A network that learned from",
            "children's films takes most drawings for ill. Next, the history of one of them, by",
            "its Study UID's last digits, or a folder of your own:",
            f"  pneumoscreen show --database sqlite:///{folder / 'worklist.db'} DIGITS",
            "  pneumoscreen screen PATH",
        ],
        output,
    )


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


def _file_name(path: bytes) -> str:
    return escape(path.rpartition(b"/")[2].decode(errors="replace"))


def _summary(run: ScreenRun) -> list[str]:
    counts = Counter(found.status for found in run.outcomes)
    states = ", ".join(
        f"{counts[state]} {state.lower().replace('_', ' ')}"
        for state in _STATE_ORDER
        if counts[state]
    )
    lines = [f"{len(run.outcomes)} files: {states or 'nothing to screen here'}"]
    if run.unfinished:
        lines.append(
            f"{len(run.unfinished)} passed over as unfinished: hidden, or named .part or .tmp"
        )
    if run.sidecars:
        lines.append(f"{run.sidecars} read as an image's sidecar")
    return lines


def print_problems(problems: Sequence[Problem], output: Format) -> None:
    """Print what `db check` found."""
    columns: list[Column[Problem]] = [
        Column("Problem", lambda problem: problem.what, no_wrap=False),
        Column("Rows", lambda problem: str(problem.how_many), "right"),
        Column("For example", lambda problem: escape(problem.example), no_wrap=False),
        Column("What to do", lambda problem: problem.mend, no_wrap=False),
    ]
    if problems or output is not Format.TABLE:
        print_rows(problems, columns, "Database check", output)
    else:
        print_notes(["nothing stuck, lost or inconsistent"], output)

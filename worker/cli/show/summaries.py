"""Shows what a run, a scan and a database check came to.

This module must not read a database. File names appear here, on the terminal of the person who
named the folder, and nowhere else.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from db.upkeep.checks import Problem
from pipeline.codes import InstanceState
from worker.cli.show.rendering import Column, Format, print_notes, print_rows
from worker.cli.show.worklist import print_worklist
from worker.inbox.watcher import Scan
from worker.screening.run import Refusal, ScreenRun

_STATE_ORDER: Final = tuple(InstanceState)


def print_run(run: ScreenRun, output: Format) -> None:
    """Print a run's worklist, what was not screened, and the counts."""
    print_worklist(run.worklist, run.ended_at, output, run.studies)
    if run.refusals and output is Format.TABLE:
        _print_refusals(run.refusals)
    print_notes(_summary(run), output)


def _print_refusals(refusals: Sequence[Refusal]) -> None:
    """Print what was not screened: one row a reason, with an example of it."""
    columns: list[Column[Refusal]] = [
        Column("State", lambda refusal: refusal.example.status),
        Column("Reason", lambda refusal: str(refusal.example.reason_code)),
        Column("Files", lambda refusal: str(refusal.files), "right"),
        Column("For example", lambda refusal: _file_name(refusal.example.path), no_wrap=False),
        Column("Detail", lambda refusal: escape(refusal.example.detail or ""), no_wrap=False),
    ]
    rows = sorted(refusals, key=lambda refusal: _STATE_ORDER.index(refusal.example.status))
    print_rows(rows, columns, "Not screened, and why", Format.TABLE)


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


def _file_name(path: bytes) -> str:
    return escape(path.rpartition(b"/")[2].decode(errors="replace"))


def _summary(run: ScreenRun) -> list[str]:
    states = ", ".join(
        f"{run.states[state]} {state.lower().replace('_', ' ')}"
        for state in _STATE_ORDER
        if run.states[state]
    )
    lines = [f"{run.states.total()} files: {states or 'nothing to screen here'}"]
    if run.unfinished:
        lines.append(f"{run.unfinished} passed over as unfinished: hidden, or named .part or .tmp")
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

"""Shows one study: its line of the worklist, its instances, its screenings, its events.

This module must not know where the history comes from.
"""

import json
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from db.worklist.entry import WorklistEntry
from db.worklist.history import EventHistory, InstanceHistory, ScreeningHistory, StudyHistory
from worker.cli.show.rendering import Column, Format, print_rows
from worker.plain_values import to_plain

_UID_TAIL = 12


def print_study(history: StudyHistory, output: Format) -> None:
    """Print a study's whole history; JSON carries all of it, CSV its events."""
    match output:
        case Format.JSON:
            text = json.dumps(to_plain(history), indent=2)
            Console(soft_wrap=True).out(text, highlight=False)
        case Format.CSV:
            print_rows(history.events, _EVENTS, "Events", output)
        case Format.TABLE:
            Console(highlight=False).print(_summary(history.entry))
            print_rows(history.instances, _INSTANCES, "Instances", output)
            if history.screenings:
                print_rows(history.screenings, _SCREENINGS, "Screenings", output)
            print_rows(history.events, _EVENTS, "What happened", output)


def _summary(entry: WorklistEntry) -> Table:
    table = Table(title="Study", title_justify="left", title_style="bold", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in to_plain(entry).items():
        if value not in (None, [], ""):
            table.add_row(name, escape(_text(value)))
    return table


def _text(value: Any) -> str:  # noqa: ANN401 - any field of the worklist
    return ", ".join(value) if isinstance(value, list) else str(value)


def _tail(uid: str | None) -> str:
    return "" if uid is None else "…" + uid[-_UID_TAIL:]


def _paths(instance: InstanceHistory) -> Text:
    return Text("\n".join(path.decode(errors="replace") for path in instance.source_paths))


def _moment(event: EventHistory) -> str:
    return f"{event.occurred_at:%Y-%m-%d %H:%M:%S}"


def _change(event: EventHistory) -> str:
    return " -> ".join(state for state in (event.from_state, event.to_state) if state is not None)


_INSTANCES: list[Column[InstanceHistory]] = [
    Column("SOP Instance UID", lambda instance: _tail(instance.sop_instance_uid)),
    Column("State", lambda instance: instance.state),
    Column("Reason", lambda instance: instance.reason_code or ""),
    Column("Detail", lambda instance: escape(instance.detail or ""), no_wrap=False),
    Column("Flags", lambda instance: " ".join(instance.flags), no_wrap=False),
    Column("Attempts", lambda instance: str(instance.attempts), "right"),
    Column("Files", _paths, no_wrap=False),
]
_SCREENINGS: list[Column[ScreeningHistory]] = [
    Column("SOP Instance UID", lambda screening: _tail(screening.sop_instance_uid)),
    Column("Release", lambda screening: screening.model_release),
    Column("Engine", lambda screening: screening.engine),
    Column("Finding", lambda screening: screening.code),
    Column("Probability", lambda screening: f"{screening.probability:.4f}", "right"),
    Column("Band", lambda screening: screening.band),
    Column("Operating point", lambda screening: f"{screening.operating_point:.4f}", "right"),
    Column("Asks for", lambda screening: screening.priority),
]
_EVENTS: list[Column[EventHistory]] = [
    Column("When (UTC)", _moment),
    Column("Who", lambda event: escape(event.actor)),
    Column("What", lambda event: event.kind),
    Column("State", _change),
    Column("Reason", lambda event: event.reason_code or ""),
    Column("SOP Instance UID", lambda event: _tail(event.sop_instance_uid)),
    Column("Detail", lambda event: escape(event.detail or ""), no_wrap=False),
]

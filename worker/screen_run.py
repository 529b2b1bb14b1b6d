"""One run of `screen`: list, register, work off, and say what became of every file."""

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final, Protocol

from db.engine import read_session
from db.outcomes import FileOutcome, count_by_state, read_outcomes
from db.worklist import read_worklist
from db.worklist_entry import WorklistEntry
from pipeline.codes import InstanceState
from pipeline.errors import PneumoscreenError
from worker.clock import Clock
from worker.embedded import Embedded, open_embedded
from worker.folders import Entry, Kind, list_paths
from worker.rendering import to_plain
from worker.settings import Settings

_PATHS_A_QUERY: Final = 500


class ReportError(PneumoscreenError):
    """The report cannot be written where it was asked for."""


class Progress(Protocol):
    """What a run tells of itself while it goes."""

    def start(self, what: str, total: int | None) -> None:
        """Begin a phase of so many files (None: not known yet)."""
        ...

    def advance(self, count: int) -> None:
        """So many more files of this phase are done."""
        ...


@dataclass(frozen=True, slots=True)
class ScreenRun:
    """What a run leaves behind: one outcome per input file, and the worklist of their studies."""

    outcomes: list[FileOutcome]
    unfinished: list[bytes]
    sidecars: int
    worklist: list[WorklistEntry]


def screen_paths(
    settings: Settings, paths: Sequence[Path], clock: Clock, progress: Progress
) -> ScreenRun:
    """Screen files and folders now, and return when every one of them has its final state.

    Files that were screened before, by this release, are not screened again.

    Raises
    ------
    PneumoscreenError
        If a path, the database or the model cannot be used.
    """
    progress.start("Listing", None)
    entries = list(list_paths(paths))
    # A reader takes a second to start: no more of them than there are files.
    readers = max(1, min(settings.readers, len(entries)))
    with open_embedded(settings.model_copy(update={"readers": readers}), clock) as embedded:
        progress.start("Registering", len(entries))
        embedded.registrar.register(entries, progress.advance)
        _work_off(embedded, progress)
        return _gather(embedded, entries)


def _work_off(embedded: Embedded, progress: Progress) -> None:
    with read_session(embedded.engine) as session:
        counts = count_by_state(session)
    waiting = counts[InstanceState.REGISTERED] + counts[InstanceState.CLAIMED]
    progress.start("Screening", waiting)
    embedded.screener.run_until_idle(Event(), progress.advance)


def _gather(embedded: Embedded, entries: Sequence[Entry]) -> ScreenRun:
    paths = [entry.source.path for entry in entries if entry.needs_row]
    outcomes: list[FileOutcome] = []
    with read_session(embedded.engine) as session:
        for start in range(0, len(paths), _PATHS_A_QUERY):
            outcomes += read_outcomes(session, paths[start : start + _PATHS_A_QUERY])
        studies = {found.study_instance_uid for found in outcomes if found.study_instance_uid}
        worklist = read_worklist(session, study_uids=studies)
    return ScreenRun(
        outcomes=outcomes,
        unfinished=[entry.source.path for entry in entries if entry.kind is Kind.UNFINISHED],
        sidecars=sum(entry.kind is Kind.SIDECAR for entry in entries),
        worklist=worklist,
    )


def write_report(run: ScreenRun, path: Path) -> None:
    """Write one JSON line per input file, in the order in which they were found.

    The old report stays until the new one is whole.

    Raises
    ------
    ReportError
        If the file cannot be written.
    """
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("w", encoding="utf-8") as file:
            for outcome in run.outcomes:
                file.write(json.dumps(to_plain(outcome)) + "\n")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _report_error(path, error) from error


def check_report_path(path: Path) -> None:
    """Make sure before a long run that its report can be written.

    Raises
    ------
    ReportError
        If the folder does not exist or cannot be written to.
    """
    if path.is_dir():
        raise _report_error(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    if not os.access(path.parent, os.W_OK):
        code = errno.EACCES if path.parent.is_dir() else errno.ENOENT
        raise _report_error(path, OSError(code, os.strerror(code)))


def _report_error(path: Path, error: OSError) -> ReportError:
    return ReportError(
        f"cannot write the report {path}: {error.strerror}; name a file in a folder that exists, "
        "is writable and has room"
    )

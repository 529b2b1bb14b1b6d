"""One run of `screen`: list, register, work off, and say what became of every file."""

import errno
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from db.connection.chunks import in_chunks
from db.connection.engine import read_session
from db.worklist.entry import WorklistEntry
from db.worklist.outcomes import FileOutcome, count_by_state, read_outcomes
from db.worklist.view import read_worklist
from pipeline.codes import InstanceState, ReasonCode
from pipeline.errors import PneumoscreenError
from worker.cli.show.rendering import to_plain
from worker.clock import Clock
from worker.inbox.folders import Kind, list_paths
from worker.readers.pool import ReaderPool
from worker.screening.assembly import Embedded, load_for, open_embedded
from worker.settings import Settings


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


@dataclass(slots=True)
class Refusal:
    """Files that were not screened for one reason."""

    example: FileOutcome
    files: int


@dataclass(frozen=True, slots=True)
class ScreenRun:
    """What a run leaves behind: counts, an example of each reason, and what to read next.

    ``worklist`` has the first of all ``studies`` in reading order, as many as were asked for.
    """

    states: Counter[InstanceState]
    refusals: list[Refusal]
    unfinished: int
    sidecars: int
    studies: int
    worklist: list[WorklistEntry]


def screen_paths(
    settings: Settings,
    paths: Sequence[Path],
    clock: Clock,
    readers: ReaderPool,
    progress: Progress,
    *,
    report: Path | None = None,
    limit: int | None = None,
) -> ScreenRun:
    """Screen files and folders now, and return when every one of them has its final state.

    Files that were screened before, by this release, are not screened again.

    Parameters
    ----------
    report
        Where one JSON line per input file is written, in the order in which they were found.
    limit
        How many studies of the worklist are wanted; all where it is None.

    Raises
    ------
    PneumoscreenError
        If a path, the report, the database or the model cannot be used.
    """
    progress.start("Listing", None)
    entries = list(list_paths(paths))
    load = load_for(settings, len(entries))
    with open_embedded(settings, clock, readers, load) as embedded:
        progress.start("Registering", len(entries))
        embedded.registrar.register(entries, progress.advance)
        kinds = Counter(entry.kind for entry in entries)
        files = [entry.source.path for entry in entries if entry.needs_row]
        entries.clear()  # names are enough from here, and there may be a hundred thousand
        _work_off(embedded, progress)
        tally = _Tally()
        with read_session(embedded.engine) as session, _open_report(report) as tell:
            for chunk in in_chunks(files):
                for outcome in read_outcomes(session, chunk):
                    tell(outcome)
                    tally.add(outcome)
            return ScreenRun(
                states=tally.states,
                refusals=list(tally.refusals.values()),
                unfinished=kinds[Kind.UNFINISHED],
                sidecars=kinds[Kind.SIDECAR],
                studies=len(tally.studies),
                worklist=read_worklist(session, limit=limit, study_uids=tally.studies),
            )


def _work_off(embedded: Embedded, progress: Progress) -> None:
    with read_session(embedded.engine) as session:
        counts = count_by_state(session)
    waiting = counts[InstanceState.REGISTERED] + counts[InstanceState.CLAIMED]
    progress.start("Screening", waiting)
    embedded.screener.run_until_idle(Event(), progress.advance)


class _Tally:
    """Counts outcomes one by one."""

    def __init__(self) -> None:
        self.states: Counter[InstanceState] = Counter()
        self.refusals: dict[tuple[InstanceState, ReasonCode], Refusal] = {}
        self.studies: set[str] = set()

    def add(self, outcome: FileOutcome) -> None:
        self.states[outcome.status] += 1
        if outcome.study_instance_uid is not None:
            self.studies.add(outcome.study_instance_uid)
        if outcome.reason_code is not None:
            reason = (outcome.status, outcome.reason_code)
            self.refusals.setdefault(reason, Refusal(outcome, 0)).files += 1


@contextmanager
def _open_report(path: Path | None) -> Iterator[Callable[[FileOutcome], None]]:
    """Give what writes one outcome; the old report stays until the new one is whole.

    Raises
    ------
    ReportError
        If the file cannot be written.
    """
    if path is None:
        yield lambda _outcome: None
        return
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("w", encoding="utf-8") as file:
            yield lambda outcome: print(json.dumps(to_plain(outcome)), file=file)
        draft.replace(path)
    except OSError as error:
        raise _report_error(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


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

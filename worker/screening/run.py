"""One run of `screen`: list, register, screen, and report what became of every file.

This module must not know how a run is shown.
"""

import errno
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
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
from worker.database import open_database
from worker.inbox.archives import find_unpacked_folder
from worker.inbox.folders import Entry, Kind, list_folder, list_paths
from worker.plain_values import to_plain
from worker.readers.pool import ReaderPool
from worker.screening.assembly import (
    ScreeningWorker,
    finish_recount,
    load_for,
    open_screening_worker,
)
from worker.screening.batch import Classifier
from worker.settings import Settings


class ReportError(PneumoscreenError):
    """The report cannot be written where it was asked for."""


class Progress(Protocol):
    """What is shown of a run while it goes."""

    def start(self, what: str, total: int | None) -> None:
        """Begin a phase of so many files (None: not known yet)."""
        ...

    def advance(self, count: int) -> None:
        """Note that so many more files of this phase are done."""
        ...


@dataclass(slots=True)
class Refusal:
    """Files that were not screened for one reason."""

    example: FileOutcome
    files: int


@dataclass(frozen=True, slots=True)
class ScreenRun:
    """The result of a run: counts, an example of each reason, and what to read next.

    ``worklist`` has the first of all ``studies`` in reading order, as many as were asked for, as
    they were at ``ended_at``.
    """

    states: Counter[InstanceState]
    refusals: list[Refusal]
    unfinished: int
    sidecars: int
    studies: int
    worklist: list[WorklistEntry]
    ended_at: datetime


def screen_paths(
    settings: Settings,
    paths: Sequence[Path],
    readers: ReaderPool,
    progress: Progress,
    *,
    report: Path | None = None,
    limit: int | None = None,
) -> ScreenRun:
    """Screen files and folders now, and return when every one of them has its final state.

    Files that were screened before, by this release, are not screened again. Zip archives are
    unpacked beside themselves, and their files screened in the same run.

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
    most_files = len(entries)

    def load(release: Path) -> Classifier:  # by the number of files that is known when it is called
        return load_for(settings, most_files)(release)

    with (
        open_database(settings.database_url) as database,
        open_screening_worker(settings, database, readers, load) as worker,
    ):
        finish_recount(database)
        progress.start("Registering", len(entries))
        unpacked = worker.registrar.register(entries, progress.advance).unpacked_folders
        if added := _list_unpacked(unpacked, paths, entries):
            most_files += len(added)
            progress.start("Unpacked", len(added))
            worker.registrar.register(added, progress.advance)  # an archive in it is refused
            entries += added
        kinds = Counter(entry.kind for entry in entries)
        files = [entry.source.path for entry in entries if entry.needs_row]
        entries.clear()  # names are enough from here, and there may be a hundred thousand
        _screen(worker, progress)
        tally = _Tally()
        with read_session(database.engine) as session, _open_report(report) as write:
            for chunk in in_chunks(files):
                for outcome in read_outcomes(session, chunk):
                    write(outcome)
                    tally.add(outcome)
            return ScreenRun(
                states=tally.states,
                refusals=list(tally.refusals.values()),
                unfinished=kinds[Kind.UNFINISHED],
                sidecars=kinds[Kind.SIDECAR],
                studies=len(tally.studies),
                worklist=read_worklist(session, limit=limit, study_uids=tally.studies),
                ended_at=database.clock.now(),
            )


def _list_unpacked(
    new_folders: Sequence[bytes], paths: Sequence[Path], listed: Sequence[Entry]
) -> list[Entry]:
    """List the folders that archives were unpacked to, but for what was listed already.

    Those of archives that a person named are listed again by each run: no path leads to them.
    """
    named = [os.fsencode(path.resolve()) for path in paths if path.is_file()]
    folders = {*new_folders, *filter(None, map(find_unpacked_folder, named))}
    known = {entry.source.path for entry in listed} if folders else set()
    return [
        entry
        for folder in sorted(folders)
        for entry in list_folder(folder)
        if entry.source.path not in known
    ]


def _screen(worker: ScreeningWorker, progress: Progress) -> None:
    with read_session(worker.database.engine) as session:
        counts = count_by_state(session)
    waiting = counts[InstanceState.REGISTERED] + counts[InstanceState.CLAIMED]
    progress.start("Screening", waiting)
    worker.screener.run_until_idle(Event(), progress.advance)


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

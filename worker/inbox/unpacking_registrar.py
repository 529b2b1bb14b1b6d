"""Registers what lies in a folder, zip archives included: those are unpacked beside themselves.

This module must not know how an archive is unpacked, nor what its files are: they are registered
like any others, and the archive has a row that says so.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

from db.connection.chunks import in_chunks
from db.connection.engine import read_session, write_session
from db.instances.arrivals import Arrival, SourceFile
from db.instances.registration import register_arrivals
from db.instances.source_files import find_unregistered
from pipeline.codes import Lane, ReasonCode
from pipeline.values.instance import Rejection
from pipeline.values.reading import unidentified_instance
from worker.clock import Clock
from worker.inbox.archives import (
    ArchiveLimits,
    Unpacking,
    is_archive,
    unpack_archive,
    unpacked_folder,
)
from worker.inbox.folders import Entry, Kind
from worker.inbox.registrar import (
    Registrar,
    Registration,
    arrival_of_killer,
    may_be_readable_later,
)
from worker.readers.pool import ReaderDeath, ReaderPool

_FILES_A_QUERY: Final = 256
_log = structlog.get_logger()


class UnpackingRegistrar:
    """A registrar that unpacks archives; their files are found by the next listing."""

    def __init__(
        self,
        registrar: Registrar,
        readers: ReaderPool,
        engine: Engine,
        clock: Clock,
        limits: ArchiveLimits | None = None,
    ) -> None:
        self._registrar = registrar
        self._readers = readers
        self._engine = engine
        self._clock = clock
        self._limits = limits or ArchiveLimits()

    def register(
        self, entries: Iterable[Entry], on_registered: Callable[[int], None] = lambda _count: None
    ) -> Registration:
        """Unpack what is a new archive, and register everything.

        An archive's row is committed after its files are in the folder: a crash between loses none.
        """
        archives: list[SourceFile] = []
        others = self._leave_out_archives(entries, archives)
        registered = self._registrar.register(others, on_registered)
        unpacked = self._unpack(archives)
        if archives:
            on_registered(len(archives))
        return Registration(
            registered.files + unpacked.files,
            registered.unreadable | unpacked.unreadable,
            unpacked.unpacked_folders,
        )

    def _leave_out_archives(
        self, entries: Iterable[Entry], archives: list[SourceFile]
    ) -> Iterator[Entry]:
        """Give the entries, but put new archives aside; what has a row is not opened again."""
        for chunk in in_chunks(entries, _FILES_A_QUERY):
            candidates = [entry.source for entry in chunk if entry.kind is Kind.CANDIDATE]
            with read_session(self._engine) as session:
                new = find_unregistered(session, candidates)
            found = [source for source in new if is_archive(source.path)]
            archives += found
            left_out = set(found)
            yield from (entry for entry in chunk if entry.source not in left_out)

    def _unpack(self, archives: Sequence[SourceFile]) -> Registration:
        unpacked = [
            (source, self._readers.run(unpack_archive, source.path, self._limits))
            for source in archives
        ]
        arrivals = [_arrival(source, found) for source, found in unpacked]
        if arrivals:
            with write_session(self._engine) as session:
                register_arrivals(session, arrivals, self._clock.now(), Lane.URGENT)
            _log.info("archives_unpacked", archives=len(arrivals))
        folders = [
            unpacked_folder(Path(os.fsdecode(source.path)), found.sha256)
            for source, found in unpacked
            if isinstance(found, Unpacking)
        ]
        return Registration(
            len(arrivals),
            frozenset(found.source for found in arrivals if may_be_readable_later(found)),
            tuple(os.fsencode(folder) for folder in folders if folder.is_dir()),
        )


def _arrival(source: SourceFile, found: Unpacking | Rejection | ReaderDeath) -> Arrival:
    match found:
        case Unpacking(sha256, rejection):
            return _arrival_of_archive(source, sha256, rejection)
        case Rejection():
            return Arrival(source, None, found)
        case ReaderDeath(rejection):
            return arrival_of_killer(source, rejection)


def _arrival_of_archive(source: SourceFile, sha256: str, rejection: Rejection) -> Arrival:
    """Give the row of an archive whose content was seen.

    Unpacked, it is a source file alone, since its files have studies; refused, it stands in the
    worklist, for a person to look at.
    """
    if rejection.reason_code is ReasonCode.ARCHIVE_UNPACKED:
        return Arrival(source, None, rejection)
    return Arrival(source, unidentified_instance(sha256), rejection)

"""Registers what lies in a folder, zip archives included: those are unpacked beside themselves.

This module must not know how an archive is unpacked, nor what its files are: they are registered
like any others, and the archive has a row that says so.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import structlog
from sqlalchemy import Engine

from db.connection.engine import write_session
from db.instances.arrivals import Arrival, SourceFile
from db.instances.registration import register_arrivals
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
from worker.inbox.folders import Entry
from worker.inbox.registrar import (
    Registrar,
    Registration,
    arrival_of_killer,
    may_be_readable_later,
)
from worker.readers.pool import ReaderDeath, ReaderPool

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

        def set_aside(source: SourceFile) -> bool:
            found = is_archive(source.path)
            if found:
                archives.append(source)
            return found

        registered = self._registrar.register(entries, on_registered, set_aside)
        unpacked = self._unpack(archives)
        return Registration(
            registered.files + unpacked.files,
            registered.unreadable | unpacked.unreadable,
            unpacked.unpacked_folders,
        )

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

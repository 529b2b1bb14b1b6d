"""Gives every file its row: header read in a reader process, then registered in batches.

This module must not know pixels or the network. Nothing here moves or changes a file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import structlog
from sqlalchemy import Engine

from db.connection.chunks import in_chunks
from db.connection.engine import read_session, write_session
from db.instances.arrivals import Arrival, SourceFile
from db.instances.registration import register_arrivals
from db.instances.source_files import COMPLETE, find_unregistered
from pipeline.codes import Lane, ReasonCode
from pipeline.files import read_file
from pipeline.values.instance import Rejection
from pipeline.values.reading import Inspection, unidentified_instance
from worker.clock import Clock
from worker.inbox.folders import Entry, Kind
from worker.readers.pool import ReaderDeath, ReaderPool

_ROWS_A_TRANSACTION: Final = 256
_ATTEMPTS_AT_A_HEADER: Final = 3
_REJECTION_OF_KIND: Final = {
    Kind.IRREGULAR: Rejection(
        ReasonCode.NOT_A_REGULAR_FILE,
        "a symbolic link, device, socket or pipe is not followed or opened; put the file itself "
        "into the folder",
    ),
    Kind.UNREADABLE_FOLDER: Rejection(
        ReasonCode.SOURCE_UNREADABLE,
        "this folder cannot be listed; give the service's user read and execute permission on it",
    ),
}
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Registration:
    """What one call did.

    Attributes
    ----------
    files
        So many got a new row.
    unreadable
        Could not be read, and are worth another try.
    unpacked_folders
        What archives were unpacked to, to be listed and registered in turn.
    """

    files: int
    unreadable: frozenset[SourceFile]
    unpacked_folders: Sequence[bytes] = ()


class Registrar:
    """Makes rows of directory entries. Registering the same file twice changes nothing.

    Parameters
    ----------
    on_new_files
        Called when there is something to register, before it is read: what takes long to get
        ready can begin now.
    """

    def __init__(
        self,
        engine: Engine,
        readers: ReaderPool,
        clock: Clock,
        on_new_files: Callable[[], object] = lambda: None,
    ) -> None:
        self._engine = engine
        self._readers = readers
        self._clock = clock
        self._on_new_files = on_new_files

    def register(
        self,
        entries: Iterable[Entry],
        on_registered: Callable[[int], None] = lambda _count: None,
        set_aside: Callable[[SourceFile], bool] = lambda _source: False,
    ) -> Registration:
        """Register whatever is new or changed, or could not be read before.

        Parameters
        ----------
        entries
            Any; what is unfinished or a sidecar is passed over.
        on_registered
            Called with the number of entries dealt with, after each transaction.
        set_aside
            Asked of each regular file that is new: whether the caller registers it instead.
        """
        registered = 0
        unreadable: set[SourceFile] = set()
        for size, arrivals in self._read_ahead(entries, set_aside):
            if arrivals:
                with write_session(self._engine) as session:
                    register_arrivals(session, arrivals, self._clock.now(), Lane.URGENT)
                registered += len(arrivals)
                unreadable.update(
                    found.source for found in arrivals if may_be_readable_later(found)
                )
                _log.info("files_registered", files=len(arrivals))
            on_registered(size)
        return Registration(registered, frozenset(unreadable))

    def _read_ahead(
        self, entries: Iterable[Entry], set_aside: Callable[[SourceFile], bool]
    ) -> Iterator[tuple[int, Sequence[Arrival]]]:
        """Give each chunk's size and arrivals, while the headers of the next one are read."""
        before: tuple[int, Iterator[Arrival]] | None = None
        for chunk in in_chunks(entries, _ROWS_A_TRANSACTION):
            begun = (len(chunk), self._begin(chunk, set_aside))
            if before is not None:
                yield before[0], list(before[1])
            before = begun
        if before is not None:
            yield before[0], list(before[1])

    def _begin(
        self, chunk: Sequence[Entry], set_aside: Callable[[SourceFile], bool]
    ) -> Iterator[Arrival]:
        """Begin to read the headers of what is new in a chunk; returns before any is read."""
        kinds = {entry.source: entry.kind for entry in chunk}
        with read_session(self._engine) as session:
            unregistered = find_unregistered(
                session,
                [entry.source for entry in chunk if entry.needs_row],
            )
        if unregistered:
            self._on_new_files()
        candidates = [
            source
            for source in unregistered
            if kinds[source] is Kind.CANDIDATE and not set_aside(source)
        ]
        refused = [
            Arrival(source, None, rejection)
            for source in unregistered
            if (rejection := _REJECTION_OF_KIND.get(kinds[source]))
        ]
        headers = self._readers.inspect(candidates)
        return chain(refused, (self._arrival(source, found) for source, found in headers))

    def _arrival(self, source: SourceFile, found: Inspection | Rejection | ReaderDeath) -> Arrival:
        """Make a file's row from its header; one that killed its reader is tried again, alone."""
        for _ in range(_ATTEMPTS_AT_A_HEADER - 1):
            if isinstance(found, ReaderDeath):
                ((_, found),) = self._readers.inspect([source])
        match found:
            case Inspection(instance, rejection):
                return Arrival(source, instance, rejection)
            case ReaderDeath(rejection):
                return arrival_of_killer(source, rejection)
            case Rejection():
                return Arrival(source, None, found)


def may_be_readable_later(arrival: Arrival) -> bool:
    """Whether the file could not be read for a cause that may pass; a link stays a link."""
    return (
        arrival.rejection is not None
        and arrival.instance is None
        and arrival.rejection.reason_code is not ReasonCode.NOT_A_REGULAR_FILE
        and arrival.rejection.reason_code not in COMPLETE
    )


def arrival_of_killer(source: SourceFile, rejection: Rejection) -> Arrival:
    """Give a row to a file whose header kills its reader: only its digest is known."""
    try:
        digest, _ = read_file(source.path, max_bytes=0)
    except OSError:
        return Arrival(source, None, rejection)
    return Arrival(source, unidentified_instance(digest), rejection)

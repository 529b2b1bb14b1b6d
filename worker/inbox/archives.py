"""Zip archives in an inbox: unpacked beside themselves, within bounds, in a reader process.

Their files are then arrivals like any others; the archive has a row that says so. This module must
not know what the files are, and takes no name from an archive: names lead out, and name children.
"""

import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import structlog
from sqlalchemy import Engine

from db.connection.engine import read_session, write_session
from db.instances.arrivals import Arrival, SourceFile
from db.instances.registration import register_arrivals
from db.instances.source_files import find_unregistered
from pipeline.codes import Lane, ReasonCode
from pipeline.values.instance import Rejection
from pipeline.values.reading import unidentified_instance
from worker.clock import Clock
from worker.inbox.folders import Entry, Kind
from worker.inbox.registrar import Registrar, Registration, arrival_of_killer
from worker.readers.pool import ReaderDeath, ReaderPool

UNPACKED_PREFIX: Final = "unpacked-"
_MAGIC: Final = b"PK\x03\x04"
_SUFFIXES: Final = frozenset({".dcm", ".png", ".jpg", ".jpeg", ".json"})
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK_BYTES: Final = 1 << 20
# What Python's zipfile was seen to raise over damaged, encrypted and exotic archives.
_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What one archive may unpack to."""

    files: int = 5_000
    unpacked_bytes: int = 1 << 30


class _TooMuchError(Exception):
    """The archive holds more than it may."""


@dataclass(frozen=True, slots=True)
class Unpacking:
    """What came of an archive; the rejection is what its own row says."""

    sha256: str
    rejection: Rejection


def unpack_archive(path: bytes, limits: ArchiveLimits) -> Unpacking:
    """Unpack an archive into a folder beside it. Called in a reader process.

    Done again, it does the same again; a file appears under its final name only when it is whole.

    Raises
    ------
    OSError
        If the archive cannot be had, or there is no room or permission for its files.
    """
    archive = Path(os.fsdecode(path))
    with open(os.open(archive, _OPEN_FLAGS), "rb") as file:  # noqa: PTH123 - a descriptor
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        folder = archive.parent / f"{UNPACKED_PREFIX}{sha256[:16]}"
        if archive.parent.name.startswith(UNPACKED_PREFIX):
            return _refused(sha256, "an archive within an archive is not unpacked")
        try:
            count = _unpack(file, folder, limits)
        except _TooMuchError:
            shutil.rmtree(folder, ignore_errors=True)
            return Unpacking(
                sha256,
                Rejection(
                    ReasonCode.TOO_LARGE,
                    f"a zip archive of more than {limits.files} files or "
                    f"{limits.unpacked_bytes >> 20} MiB",
                ),
            )
        except _DAMAGED as error:
            return _refused(
                sha256, f"a zip archive that is damaged or encrypted ({type(error).__name__})"
            )
    detail = f"a zip archive; each of its {count} files has a row of its own"
    return Unpacking(sha256, Rejection(ReasonCode.NO_PIXEL_DATA, detail))


def _refused(sha256: str, detail: str) -> Unpacking:
    return Unpacking(sha256, Rejection(ReasonCode.NOT_AN_IMAGE, detail))


def _unpack(file: BinaryIO, folder: Path, limits: ArchiveLimits) -> int:
    with zipfile.ZipFile(file) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
        if len(members) > limits.files:
            raise _TooMuchError
        folder.mkdir(exist_ok=True)
        left = limits.unpacked_bytes
        for info, name in _named(members):
            draft = folder / f".{name}.part"
            with archive.open(info) as packed, draft.open("wb") as unpacked:
                while chunk := packed.read(_CHUNK_BYTES):
                    left -= len(chunk)  # counted here: what an archive says of itself may be a lie
                    if left < 0:
                        raise _TooMuchError
                    unpacked.write(chunk)
            draft.replace(folder / name)
    return len(members)


def _named(members: Sequence[zipfile.ZipInfo]) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """Give each member a number; an image and its sidecar, which share a stem, share theirs."""
    numbers: dict[str, int] = {}
    given: set[str] = set()
    for info in members:
        stem, suffix = os.path.splitext(info.filename)  # noqa: PTH122 - not a path of ours
        kept = suffix.lower() if suffix.lower() in _SUFFIXES else ""
        name = f"{numbers.setdefault(stem, len(numbers))}{kept}"
        if name in given:
            name = f"{len(members) + len(given)}{kept}"
        given.add(name)
        yield info, name


class UnpackingRegistrar:
    """A registrar that unpacks archives; their files are found by the next scan."""

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

        An archive's row is committed after its files are in the inbox: a crash between loses none.
        """
        archives: list[SourceFile] = []
        others: list[Entry] = []
        for entry in entries:
            if entry.kind is Kind.CANDIDATE and _is_archive(entry.source.path):
                archives.append(entry.source)
            else:
                others.append(entry)
        unpacked = self._unpack(archives)
        registered = self._registrar.register(others, on_registered)
        return Registration(
            registered.files + unpacked.files, registered.unreadable | unpacked.unreadable
        )

    def _unpack(self, archives: Sequence[SourceFile]) -> Registration:
        with read_session(self._engine) as session:
            new = find_unregistered(session, archives)
        arrivals = [self._arrival(source) for source in new]
        if arrivals:
            with write_session(self._engine) as session:
                register_arrivals(session, arrivals, self._clock.now(), Lane.URGENT)
            _log.info("archives_unpacked", archives=len(arrivals))
        unreadable = frozenset(found.source for found in arrivals if found.instance is None)
        return Registration(len(arrivals), unreadable)

    def _arrival(self, source: SourceFile) -> Arrival:
        found = self._readers.run(unpack_archive, source.path, self._limits)
        match found:
            case Unpacking(sha256, rejection):
                return Arrival(source, unidentified_instance(sha256), rejection)
            case Rejection():
                return Arrival(source, None, found)
            case ReaderDeath(rejection):
                return arrival_of_killer(source, rejection)


def _is_archive(path: bytes) -> bool:
    try:
        with open(os.open(path, _OPEN_FLAGS), "rb", buffering=0) as file:  # noqa: PTH123
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False  # the registrar says why

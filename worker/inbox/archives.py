"""Zip archives: unpacked beside themselves, within limits, in a reader process.

This module must not know what the files are, and uses no name from an archive: names lead out of
the folder, and name children.
"""

import hashlib
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pipeline.codes import ReasonCode
from pipeline.values.instance import Rejection

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


def unpack_archive(path: bytes, limits: ArchiveLimits) -> Unpacking | Rejection:
    """Unpack an archive into a folder beside it. Called in a reader process.

    Repeated, it gives the same files; a file appears under its final name only when it is whole.

    Returns
    -------
    Unpacking or Rejection
        The rejection, without a digest, if there is no room or permission for the files: that may
        pass, so the archive is tried again.

    Raises
    ------
    OSError
        If the archive itself cannot be read.
    """
    archive = Path(os.fsdecode(path))
    with open(os.open(archive, _OPEN_FLAGS), "rb") as file:  # noqa: PTH123 - a descriptor
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        folder = unpacked_folder(archive, sha256)
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
        except OSError as error:
            return Rejection(
                ReasonCode.SOURCE_UNREADABLE,
                f"the archive cannot be unpacked beside itself: {error.strerror}; let this user "
                "write to its folder and make room there, or unpack it elsewhere",
            )
    detail = f"a zip archive; each of its {count} files has a row of its own"
    return Unpacking(sha256, Rejection(ReasonCode.ARCHIVE_UNPACKED, detail))


def find_unpacked_folder(path: bytes) -> bytes | None:
    """Give the folder that an archive was unpacked to; None for what is none, or is not unpacked.

    Reads the whole archive, so it is meant for the few files that a person names.
    """
    if not is_archive(path):
        return None
    archive = Path(os.fsdecode(path))
    try:
        with open(os.open(archive, _OPEN_FLAGS), "rb") as file:  # noqa: PTH123 - a descriptor
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None  # its row says why
    folder = unpacked_folder(archive, sha256)
    return os.fsencode(folder) if folder.is_dir() else None


def unpacked_folder(archive: Path, sha256: str) -> Path:
    """Give the folder that an archive is unpacked to."""
    return archive.parent / f"{UNPACKED_PREFIX}{sha256[:16]}"


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


def is_archive(path: bytes) -> bool:
    """Whether a file begins as a zip archive does; False where it cannot be opened."""
    try:
        with open(os.open(path, _OPEN_FLAGS), "rb", buffering=0) as file:  # noqa: PTH123
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False  # the registrar says why

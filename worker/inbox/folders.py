"""Lists the files of an ingest folder, without opening any file or following any link.

This module must not know what a file holds: a name only marks files that are still being written,
and sidecars. What a file is, a reader process finds from its content.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final

from db.instances.arrivals import SourceFile
from pipeline.errors import PneumoscreenError

# How writers mark a file that is not complete: rsync, browsers, scp wrappers, dcm4che's storescp.
_UNFINISHED_SUFFIXES: Final = (
    b".part",
    b".partial",
    b".tmp",
    b".filepart",
    b".crdownload",
    b".swp",
)
_SIDECAR_SUFFIX: Final = b".json"


class FolderError(PneumoscreenError):
    """A path that was named by a person cannot be read."""


class Kind(StrEnum):
    """What a directory entry is."""

    CANDIDATE = "CANDIDATE"
    IRREGULAR = "IRREGULAR"
    UNFINISHED = "UNFINISHED"
    SIDECAR = "SIDECAR"
    UNREADABLE_FOLDER = "UNREADABLE_FOLDER"


@dataclass(frozen=True, slots=True)
class Entry:
    """One directory entry, and what to do with it."""

    source: SourceFile
    kind: Kind

    @property
    def needs_row(self) -> bool:
        """Whether the entry must end with a row: not a sidecar, not a file being written."""
        return self.kind not in {Kind.UNFINISHED, Kind.SIDECAR}


def list_paths(paths: Sequence[str | os.PathLike[str]]) -> Iterator[Entry]:
    """List the files and folders that a person named, folders recursively, in a stable order.

    A named path may be a symbolic link; links found inside a folder are never followed, since
    they may lead out of it.

    Raises
    ------
    FolderError
        If a named path does not exist or cannot be read.
    """
    for path in paths:
        name = os.path.realpath(os.fsencode(os.fspath(path)))
        try:
            status = os.stat(name)  # noqa: PTH116 - a name may be any bytes, which Path mangles
            if stat.S_ISDIR(status.st_mode):
                os.scandir(name).close()
        except OSError as error:
            raise _folder_error(path, error) from error
        if stat.S_ISDIR(status.st_mode):
            yield from list_folder(name)
        else:
            yield _entry(name, status, siblings=frozenset())


def count_up_to(most: int, paths: Sequence[str | os.PathLike[str]]) -> int:
    """Count the entries of `list_paths`, no further than ``most``, and no less than one.

    Raises
    ------
    FolderError
        As `list_paths` does.
    """
    return sum(1 for _ in islice(list_paths(paths), most)) or 1


def check_folder(folder: Path | None) -> Path:
    """Make sure that a folder to watch was named, exists and can be listed.

    Raises
    ------
    FolderError
        If not, in one line that says what to do.
    """
    if folder is None:
        raise FolderError("no inbox is named; give a folder, or set PNEUMOSCREEN_INBOX")
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise _folder_error(folder, error) from error
    return folder


def list_folder(folder: bytes) -> Iterator[Entry]:
    """List everything below a folder, depth first, sorted by name.

    What cannot be read is an entry too, so that it can be reported; what vanishes meanwhile is
    skipped.
    """
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - bytes
    except FileNotFoundError:
        return
    except OSError:
        yield Entry(SourceFile(folder, 0, 0, 0), Kind.UNREADABLE_FOLDER)
        return
    siblings = frozenset(
        os.path.splitext(name)[0]  # noqa: PTH122 - bytes
        for name in names
        if not name.endswith(_SIDECAR_SUFFIX)
    )
    for name in names:
        path = os.path.join(folder, name)  # noqa: PTH118 - bytes
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            continue
        except OSError:
            # A folder that may be listed but not entered, for example: the reader finds out why.
            yield Entry(SourceFile(path, 0, 0, 0), Kind.CANDIDATE)
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from list_folder(path)
        else:
            yield _entry(path, status, siblings)


def _folder_error(path: str | os.PathLike[str], error: OSError) -> FolderError:
    return FolderError(
        f"cannot read {os.fspath(path)}: {error.strerror}; name a file or folder that exists and "
        "that this user may read"
    )


def _entry(path: bytes, status: os.stat_result, siblings: frozenset[bytes]) -> Entry:
    name = os.path.basename(path)  # noqa: PTH119 - bytes
    source = SourceFile(path, status.st_size, status.st_mtime_ns, status.st_ino)
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - bytes
    if name.startswith(b".") or name.lower().endswith(_UNFINISHED_SUFFIXES):
        return Entry(source, Kind.UNFINISHED)
    if not stat.S_ISREG(status.st_mode):
        return Entry(source, Kind.IRREGULAR)
    if suffix == _SIDECAR_SUFFIX and stem in siblings:
        return Entry(source, Kind.SIDECAR)
    return Entry(source, Kind.CANDIDATE)

"""Opens files that others have put into a folder: regular files only, no links, bounded in size.

This module must not know what a file's content means.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Final

# A symbolic link may lead anywhere, and opening a FIFO would block: no modality sends either.
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_file(path: bytes | Path, max_bytes: int) -> tuple[str, bytes | None]:
    """Read a file once, for its digest and its content.

    Parameters
    ----------
    path
        Of a regular file.
    max_bytes
        Limit of the content that is held in memory.

    Returns
    -------
    tuple[str, bytes | None]
        The sha256, and the content, or None for a larger file.

    Raises
    ------
    OSError
        If it cannot be read, or is no regular file.
    """
    with _open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            return hashlib.file_digest(file, "sha256").hexdigest(), None
        # At most the size just seen plus one byte: a file that grows meanwhile gives another digest
        # than it was registered with, and must not fill the memory.
        content = file.read(size + 1)
    return hashlib.sha256(content).hexdigest(), content


def read_small_file(path: bytes | Path, max_bytes: int) -> bytes | None:
    """Read at most ``max_bytes + 1`` bytes of a regular file; None where there is no file.

    Raises
    ------
    OSError
        If it exists and cannot be read, or is no regular file.
    """
    try:
        with _open_regular(path) as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        # An image's name of 255 bytes leaves no room for its sidecar's longer suffix.
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:
            return None
        raise


@contextmanager
def _open_regular(path: bytes | Path) -> Iterator[BufferedReader]:
    descriptor = os.open(path, _OPEN_FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)

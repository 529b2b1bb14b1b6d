"""Opens what others put into a folder: regular files only, without following links, bounded.

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

# A symlink may lead anywhere, and a fifo would block for ever: neither is what a modality sends.
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_file(path: bytes | Path, longest: int) -> tuple[str, bytes | None]:
    """Read a file once.

    Parameters
    ----------
    path
        Of a regular file.
    longest
        Bytes that may be held in memory.

    Returns
    -------
    tuple[str, bytes | None]
        Its sha256, and its content; None where it is longer.

    Raises
    ------
    OSError
        If it cannot be read, or is no regular file.
    """
    with _open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > longest:
            return hashlib.file_digest(file, "sha256").hexdigest(), None
        # Not more than its size a moment ago, plus one byte: a file that grows meanwhile will be
        # seen as changed, and must not fill the memory.
        content = file.read(size + 1)
    return hashlib.sha256(content).hexdigest(), content


def read_small_file(path: bytes | Path, longest: int) -> bytes | None:
    """Read at most ``longest + 1`` bytes of a regular file; None where there is no file.

    Raises
    ------
    OSError
        If it is there and cannot be read, or is no regular file.
    """
    try:
        with _open_regular(path) as file:
            return file.read(longest + 1)
    except OSError as error:
        # A name of 255 bytes has room for .png, not for the .json of its sidecar: there is none.
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

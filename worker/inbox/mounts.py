"""Finds out whether a folder is on a remote file system, from the kernel's table of mounts.

This module must not know what a folder is used for.
"""

import os
import re
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mountinfo")
# On these, what another host or a program in user space writes fires no event on this host.
_REMOTE: Final = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb2",
        "smb3",
        "smbfs",
        "vboxsf",
        "virtiofs",
    }
)
_FUSE: Final = re.compile(r"fuse(blk)?(\.|$)")
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")


def find_remote_type(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Give the type of a folder's file system where events cannot be relied on, else None.

    Parameters
    ----------
    mounts
        The table, in the format of proc_pid_mountinfo(5). Where there is none, nothing is known to
        be remote.
    """
    try:
        lines = mounts.read_bytes().splitlines()
    except OSError:
        return None
    name = os.path.realpath(os.fsencode(folder))
    found = [
        (len(point), number, kind)
        for number, (point, kind) in enumerate(map(_parse, lines))
        if (name + b"/").startswith(point.rstrip(b"/") + b"/")
    ]
    # The deepest mount point; of several mounts at one, the last hides the others.
    kind = max(found)[2] if found else ""
    return kind if kind in _REMOTE or _FUSE.match(kind) else None


def _parse(line: bytes) -> tuple[bytes, str]:
    """Give mount point and type: the fifth field, and the first after the lone hyphen."""
    before, _, after = line.partition(b" - ")
    point = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), before.split()[4])
    return point, after.split()[0].decode("ascii", "replace")

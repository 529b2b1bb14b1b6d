"""The values that come in: a path as it was seen, and what was found there.

This module must not know SQL.
"""

from dataclasses import dataclass

from pipeline.values.instance import Instance, Rejection


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A path and what the file system says of it; a change of any field means other content."""

    path: bytes
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """What was found at a path.

    Attributes
    ----------
    instance
        None only where the file itself could not be read; the rejection then says why.
    rejection
        With an instance: known from the header alone, so no worker needs to look.
    """

    source: SourceFile
    instance: Instance | None
    rejection: Rejection | None

    def __post_init__(self) -> None:
        if self.instance is None and self.rejection is None:
            raise ValueError("an arrival without an instance needs a rejection that says why")

"""Which files in an inbox are finished: what they hold has its final state in the database.

This module must not touch a file. It says what may be done with it, and notes what was done.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.arrivals import SourceFile
from db.instances.source_files import COMPLETE
from db.tables.columns import digest_path
from db.tables.imaging import InstanceRow, SourceFileRow
from pipeline.codes import InstanceState

# What is damaged or could not be read stays where a person can look at it.
_FINISHED: Final = (InstanceState.SCREENED, InstanceState.NOT_ELIGIBLE)


@dataclass(frozen=True, slots=True)
class FinishedFile:
    """A file whose content has its final state in the database, committed.

    ``sha256`` is None for an archive: its files have rows of their own.
    """

    source: SourceFile
    sha256: str | None


def find_finished(session: Session, sources: Sequence[SourceFile]) -> list[FinishedFile]:
    """Give those that were screened, are not eligible or are unpacked, and look as they did then.

    Size and time are compared, not the inode: some network file systems change it.
    """
    by_digest = {digest_path(source.path): source for source in sources}
    return [
        FinishedFile(source, row.sha256)
        for chunk in in_chunks(by_digest)
        for row in session.execute(
            select(
                SourceFileRow.path_sha256,
                SourceFileRow.size,
                SourceFileRow.mtime_ns,
                InstanceRow.sha256,
            )
            .outerjoin(InstanceRow, InstanceRow.instance_id == SourceFileRow.instance_id)
            .where(
                SourceFileRow.path_sha256.in_(chunk),
                InstanceRow.state.in_(_FINISHED) | SourceFileRow.reason_code.in_(COMPLETE),
            )
        )
        if (source := by_digest[row.path_sha256]).size == row.size
        and source.mtime_ns % 2**64 == row.mtime_ns % 2**64
    ]


def note_move(session: Session, old: bytes, new: SourceFile, now: datetime) -> None:
    """Note that a file was moved; where the new path has a row already, that one counts."""
    values = {
        "size": new.size,
        "mtime_ns": new.mtime_ns,
        "inode": new.inode,
        "last_seen_at": now,
    }
    taken = session.execute(
        update(SourceFileRow)
        .where(SourceFileRow.path_sha256 == digest_path(new.path))
        .values(values)
        .returning(SourceFileRow.source_file_id)
    ).first()
    if taken is None:
        session.execute(
            update(SourceFileRow)
            .where(SourceFileRow.path_sha256 == digest_path(old))
            .values({**values, "path": new.path, "path_sha256": digest_path(new.path)})
        )

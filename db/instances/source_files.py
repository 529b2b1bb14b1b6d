"""The source files: which paths are registered as they are, and which instance each leads to.

This module must not know what becomes of an instance.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.arrivals import Arrival, SourceFile
from db.tables.columns import digest_path
from db.tables.imaging import InstanceRow, SourceFileRow
from pipeline.codes import InstanceState, ReasonCode

# A source file without an instance and with one of these reasons is as it should be: an archive,
# whose files have rows of their own. Any other reason says why the file could not be read.
COMPLETE: Final = tuple(code for code in ReasonCode if code.state is InstanceState.NOT_ELIGIBLE)


@dataclass(frozen=True, slots=True)
class StoredSource:
    """What the database knows of a path."""

    source_file_id: int
    instance_id: int | None


def find_unregistered(session: Session, sources: Sequence[SourceFile]) -> list[SourceFile]:
    """Give those that are unknown, or look changed, or could not be had the last time.

    Paths are keyed by their bytes, so a name in any encoding, or in none, is as good as another.
    """
    registered: set[tuple[str, int, int, int]] = set()
    for chunk in in_chunks(digest_path(source.path) for source in sources):
        query = (
            select(
                SourceFileRow.path_sha256,
                SourceFileRow.size,
                SourceFileRow.mtime_ns,
                SourceFileRow.inode,
                InstanceRow.reason_code,
            )
            .outerjoin(InstanceRow, InstanceRow.instance_id == SourceFileRow.instance_id)
            .where(
                SourceFileRow.path_sha256.in_(chunk),
                SourceFileRow.reason_code.is_(None) | SourceFileRow.reason_code.in_(COMPLETE),
            )
        )
        registered.update(
            (row.path_sha256, row.size, row.mtime_ns, row.inode)
            for row in session.execute(query)
            if not is_worth_another_look(row.reason_code)
        )
    return [source for source in sources if _key(source) not in registered]


def is_worth_another_look(reason_code: ReasonCode | None) -> bool:
    """Whether the reason was the file's whereabouts, so that its being there again changes it."""
    return reason_code is not None and reason_code.state is InstanceState.FAILED


def load_sources(session: Session, paths: Iterable[bytes]) -> dict[bytes, StoredSource]:
    """Give what is known of these paths."""
    return {
        row.path: StoredSource(row.source_file_id, row.instance_id)
        for chunk in in_chunks(map(digest_path, paths))
        for row in session.execute(
            select(
                SourceFileRow.path, SourceFileRow.source_file_id, SourceFileRow.instance_id
            ).where(SourceFileRow.path_sha256.in_(chunk))
        )
    }


def find_held_elsewhere(
    session: Session, instance_ids: Collection[int], leaving: Collection[int]
) -> set[int]:
    """Give the instances that some source file still leads to, besides those that are leaving."""
    return {
        row.instance_id
        for chunk in in_chunks(sorted(instance_ids))
        for row in session.execute(
            select(SourceFileRow.instance_id, SourceFileRow.source_file_id).where(
                SourceFileRow.instance_id.in_(chunk)
            )
        )
        if row.source_file_id not in leaving
    }


def find_paths(session: Session, instance_ids: Sequence[int]) -> dict[int | None, bytes]:
    """Give each instance's path, the one that was seen last."""
    return {
        row.instance_id: row.path
        for chunk in in_chunks(instance_ids)
        for row in session.execute(
            select(SourceFileRow.instance_id, SourceFileRow.path)
            .where(SourceFileRow.instance_id.in_(chunk))
            .order_by(SourceFileRow.last_seen_at, SourceFileRow.source_file_id)
        )
    }


def store_sources(
    session: Session,
    arrivals: Iterable[Arrival],
    stored: Mapping[bytes, StoredSource],
    instance_ids: Mapping[str, int],
    now: datetime,
) -> None:
    """Insert or update one row a path.

    Parameters
    ----------
    instance_ids
        By sha256, of every arrival's content.
    """
    new, known = [], []
    for arrival in arrivals:
        source, rejection = arrival.source, arrival.rejection
        values = {
            "size": source.size,
            "mtime_ns": source.mtime_ns,
            "inode": source.inode,
            "last_seen_at": now,
        }
        if arrival.instance is not None:
            values |= {
                "instance_id": instance_ids[arrival.instance.sha256],
                "reason_code": None,
                "detail": None,
            }
        elif rejection is not None:
            values |= {
                "instance_id": None,
                "reason_code": rejection.reason_code,
                "detail": rejection.detail,
            }
        if source.path in stored:
            known.append({"source_file_id": stored[source.path].source_file_id, **values})
        else:
            key = {"path": source.path, "path_sha256": digest_path(source.path)}
            new.append({**key, **values, "first_seen_at": now})
    if new:
        session.execute(insert(SourceFileRow), new)
    if known:
        session.execute(update(SourceFileRow), known)


def _key(source: SourceFile) -> tuple[str, int, int, int]:
    # An inode or a time beyond 64 bits is compared as it is stored: by its lowest 64.
    return digest_path(source.path), source.size, source.mtime_ns % 2**64, source.inode % 2**64

"""Archives old events: moves them out of the database into files of JSON lines.

This module must not know for how long events are kept: the site decides.
"""

import gzip
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, delete, select

from db.connection.chunks import in_chunks
from db.connection.engine import write_session
from db.connection.errors import DatabaseError
from db.tables.audit import EventRow
from db.tables.imaging import InstanceRow, StudyRow

_BATCH: Final = 10_000
_ROW_NUMBERS: Final = frozenset({"study_id", "instance_id"})


def archive_events(engine: Engine, before: datetime, folder: Path, batch: int = _BATCH) -> int:
    """Write the events before a time to files, then delete them; give their number.

    Each file, ``events-FIRST-LAST.jsonl.gz``, holds one JSON object a line with UIDs in place of
    row numbers. It is on the disk before its rows are deleted; interrupted in between, the next
    run writes the same file again. On PostgreSQL only the owner may do this.

    Raises
    ------
    DatabaseError
        If the folder or the database cannot be written; what was not archived is still there.
    """
    archived = 0
    while count := _archive_batch(engine, before, folder, batch):
        archived += count
    return archived


def _archive_batch(engine: Engine, before: datetime, folder: Path, batch: int) -> int:
    names = [column.key for column in EventRow.__table__.columns]
    query = (
        select(EventRow, StudyRow.study_instance_uid, InstanceRow.sop_instance_uid)
        .join(StudyRow, StudyRow.study_id == EventRow.study_id)
        .outerjoin(InstanceRow, InstanceRow.instance_id == EventRow.instance_id)
        .where(EventRow.occurred_at < before)
        .order_by(EventRow.event_id)
        .limit(batch)
    )
    with write_session(engine) as session:
        rows = session.execute(query).all()
        if not rows:
            return 0
        lines = [
            json.dumps(
                {
                    **{name: getattr(event, name) for name in names if name not in _ROW_NUMBERS},
                    "study_instance_uid": study_uid,
                    "sop_instance_uid": sop_uid,
                },
                default=datetime.isoformat,
            )
            for event, study_uid, sop_uid in rows
        ]
        ids = [event.event_id for event, _, _ in rows]
        _write(folder / f"events-{ids[0]}-{ids[-1]}.jsonl.gz", lines)
        for chunk in in_chunks(ids):
            session.execute(delete(EventRow).where(EventRow.event_id.in_(chunk)))
    return len(rows)


def _write(path: Path, lines: list[str]) -> None:
    draft = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            # No time and no name in the header: the same events make the same bytes.
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                packed.writelines(line.encode() + b"\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise DatabaseError(
            f"the archive {path} cannot be written: {error.strerror}; name a folder that can"
        ) from error

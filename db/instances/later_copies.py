"""Contents that wait behind another with their SOP Instance UID, and their turn.

This module must not know why the other one gave way.
"""

from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.states import registered
from db.instances.stored_instances import change_content, load_contents
from db.tables.events import Event
from db.tables.imaging import InstanceRow
from pipeline.codes import EventKind, InstanceState, ReasonCode


def find_kept_back(session: Session, uids: Iterable[str]) -> dict[str, int]:
    """Give, for each UID, the first content that was kept back: its study's id by its sha256."""
    first: dict[str, tuple[str, int]] = {}
    for chunk in in_chunks(sorted(set(uids))):
        query = (
            select(InstanceRow.sop_instance_uid, InstanceRow.sha256, InstanceRow.study_id)
            .where(
                InstanceRow.sop_instance_uid.in_(chunk),
                InstanceRow.state == InstanceState.QUARANTINED,
                InstanceRow.reason_code == ReasonCode.SOP_INSTANCE_UID_CONFLICT,
            )
            .order_by(InstanceRow.instance_id)
        )
        for row in session.execute(query):
            first.setdefault(row.sop_instance_uid, (row.sha256, row.study_id))
    return dict(first.values())


def take_up(session: Session, digests: Collection[str]) -> list[Event]:
    """Send contents that were kept back to the workers; their studies are locked already."""
    return [
        change_content(session, content, {**registered(), "attempts": 0}, EventKind.REQUEUED)
        for content in load_contents(session, digests, ())
    ]

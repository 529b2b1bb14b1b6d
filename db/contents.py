"""The contents that arrive: new ones, known ones that are back, and those that were overwritten.

This module must not know paths, nor how a study is judged.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, insert, select, update
from sqlalchemy.orm import Session

from db.arrivals import Arrival
from db.chunks import in_chunks
from db.columns import join_words
from db.events import Event
from db.sources import is_worth_another_look
from db.tables import InstanceRow, ScreeningRow, StudyRow
from db.transitions import registered, rejected, screened
from pipeline.codes import (
    UNREAD_RANK,
    EventKind,
    InstanceState,
    Lane,
    ReasonCode,
    StudyStatus,
)
from pipeline.instance import Instance, Rejection

_COLUMN_NAMES: Final = frozenset(InstanceRow.__table__.columns.keys())
HEADER_NAMES: Final = tuple(
    field.name
    for field in fields(Instance)
    if field.name in _COLUMN_NAMES and field.name not in {"sha256", "sop_instance_uid", "flags"}
)


@dataclass(frozen=True, slots=True)
class StoredContent:
    """What the database knows of a content."""

    instance_id: int
    study_id: int
    sha256: str
    sop_instance_uid: str
    state: InstanceState
    reason_code: ReasonCode | None
    has_screening: bool


def header_values(instance: Instance) -> dict[str, Any]:
    """Give the column values that an instance's header fills."""
    return {
        **{name: getattr(instance, name) for name in HEADER_NAMES},
        "flags": join_words(instance.flags),
    }


def find_studies_of(
    session: Session, digests: Collection[str], instance_ids: Collection[int]
) -> set[int]:
    """Give the studies that these contents belong to, for locking."""
    query = select(InstanceRow.study_id)
    return {
        study_id
        for condition in _chunked_conditions(digests, instance_ids)
        for study_id in session.scalars(query.where(condition))
    }


def load_contents(
    session: Session, digests: Collection[str], instance_ids: Collection[int]
) -> list[StoredContent]:
    """Give what is known of these contents, and keep claimers from them until the end."""
    query = select(
        InstanceRow.instance_id,
        InstanceRow.study_id,
        InstanceRow.sha256,
        InstanceRow.sop_instance_uid,
        InstanceRow.state,
        InstanceRow.reason_code,
        exists().where(ScreeningRow.instance_id == InstanceRow.instance_id),
    ).with_for_update(of=InstanceRow, key_share=True)
    rows = {
        row.instance_id: StoredContent(*row)
        for condition in _chunked_conditions(digests, instance_ids)
        for row in session.execute(query.where(condition).order_by(InstanceRow.instance_id))
    }
    return list(rows.values())


def displace_content(session: Session, content: StoredContent, successor: Arrival) -> Event | None:
    """Settle a content that no file holds any more, because its file was rewritten.

    A later version of the same instance supersedes one that was never screened: a sender paused
    in the middle of a file for longer than the settling time, say. Anything else that was still
    to be read is lost, and says so.
    """
    same_instance = (
        successor.instance is not None
        and successor.instance.sop_instance_uid == content.sop_instance_uid
    )
    if same_instance and not content.has_screening:
        rejection = Rejection(ReasonCode.SUPERSEDED, "the file was rewritten with a later version")
    elif content.state.is_terminal:
        return None
    elif successor.instance is None and successor.rejection is not None:
        rejection = successor.rejection
    else:
        rejection = Rejection(
            ReasonCode.SOURCE_CHANGED, "the file was overwritten before it was screened"
        )
    values = rejected(rejection, has_screening=content.has_screening)
    return change_content(session, content, values, EventKind.REJECTED)


def change_content(
    session: Session, content: StoredContent, values: dict[str, Any], kind: EventKind
) -> Event:
    """Move a known content to another state; give the event to log."""
    session.execute(
        update(InstanceRow).where(InstanceRow.instance_id == content.instance_id).values(values)
    )
    return Event(
        kind=kind,
        study_id=content.study_id,
        instance_id=content.instance_id,
        from_state=content.state,
        to_state=values["state"],
        reason_code=values["reason_code"],
        detail=values["detail"],
    )


def is_revivable(content: StoredContent) -> bool:
    """Whether the content's being there again calls for another look."""
    return content.reason_code is ReasonCode.SUPERSEDED or is_worth_another_look(
        content.reason_code
    )


def revive_content(session: Session, content: StoredContent, rejection: Rejection | None) -> Event:
    """Take up a content again that was missing, unreadable or superseded."""
    if rejection is not None:
        values = rejected(rejection, has_screening=content.has_screening)
    elif content.has_screening:
        values = screened()
    else:
        values = {**registered(), "attempts": 0}
    return change_content(session, content, values, EventKind.REQUEUED)


def insert_contents(
    session: Session,
    verdicts: Sequence[tuple[Instance, Rejection | None]],
    lane: Lane,
    now: datetime,
) -> tuple[dict[str, int], list[Event]]:
    """Insert new contents, and the studies that are new with them; give ids by sha256."""
    if not verdicts:
        return {}, []
    study_ids = _ensure_studies(session, {i.study_instance_uid for i, _ in verdicts}, now)
    rows = [
        {
            **header_values(instance),
            **(rejected(rejection, has_screening=False) if rejection else registered()),
            "study_id": study_ids[instance.study_instance_uid],
            "sha256": instance.sha256,
            "sop_instance_uid": instance.sop_instance_uid,
            "received_lane": lane,
            "lane": lane,
            "attempts": 0,
            "registered_at": now,
        }
        for instance, rejection in verdicts
    ]
    returned = session.execute(
        insert(InstanceRow).returning(InstanceRow.sha256, InstanceRow.instance_id), rows
    )
    instance_ids = {row.sha256: row.instance_id for row in returned}
    events = [
        Event(
            kind=EventKind.REGISTERED,
            study_id=row["study_id"],
            instance_id=instance_ids[row["sha256"]],
            to_state=row["state"],
            reason_code=row["reason_code"],
            detail=row["detail"],
        )
        for row in rows
    ]
    return instance_ids, events


def _ensure_studies(session: Session, uids: Collection[str], now: datetime) -> dict[str, int]:
    study_ids: dict[str, int] = {}
    for chunk in in_chunks(sorted(uids)):
        query = select(StudyRow.study_instance_uid, StudyRow.study_id)
        rows = session.execute(query.where(StudyRow.study_instance_uid.in_(chunk)))
        study_ids |= {row.study_instance_uid: row.study_id for row in rows}
    # Values until the study is recomputed, at the end of this same transaction.
    placeholder = {
        "status": StudyStatus.PENDING,
        "reason_codes": "",
        "flags": "",
        "priority_rank": UNREAD_RANK,
        "effective_priority_rank": UNREAD_RANK,
        "instances": 0,
        "instances_screened": 0,
        "received_at": now,
        "waiting_since": now,
    }
    new = [
        {"study_instance_uid": uid, **placeholder} for uid in sorted(uids) if uid not in study_ids
    ]
    if new:
        returned = session.execute(
            insert(StudyRow).returning(StudyRow.study_instance_uid, StudyRow.study_id), new
        )
        study_ids |= {row.study_instance_uid: row.study_id for row in returned}
    return study_ids


def _chunked_conditions(
    digests: Collection[str], instance_ids: Collection[int]
) -> Iterable[ColumnElement[bool]]:
    for chunk in in_chunks(sorted(digests)):
        yield InstanceRow.sha256.in_(chunk)
    for ids in in_chunks(sorted(instance_ids)):
        yield InstanceRow.instance_id.in_(ids)

"""Writes the append-only event log.

This module must not know why something happened, only that it did.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from db.tables.audit import EventRow
from pipeline.codes import EventKind, InstanceState, ReasonCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to a study, or to one of its instances."""

    kind: EventKind
    study_id: int
    instance_id: int | None = None
    from_state: InstanceState | None = None
    to_state: InstanceState | None = None
    reason_code: ReasonCode | None = None
    detail: str | None = None


def log_events(session: Session, events: Iterable[Event], *, actor: str, now: datetime) -> None:
    """Append events, in the order given.

    Parameters
    ----------
    actor
        Who or what did it: ``registration``, ``worker``, or the name that a reader gave.
    """
    rows = [
        {
            "occurred_at": now,
            "actor": actor,
            "kind": event.kind,
            "study_id": event.study_id,
            "instance_id": event.instance_id,
            "from_state": event.from_state,
            "to_state": event.to_state,
            "reason_code": event.reason_code,
            "detail": event.detail,
        }
        for event in events
    ]
    if rows:
        session.execute(insert(EventRow), rows)

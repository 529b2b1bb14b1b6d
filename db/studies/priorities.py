"""What moves a study up besides its result: an ordered priority, and long waiting (escalation).

This module must not know how ranks are combined; `db.studies.state` does that.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from db.connection.dialect import lock_registration
from db.studies.derivation import lock_studies, recompute_studies
from db.tables.audit import OrderedPriorityRow
from db.tables.events import Event, log_events
from db.tables.imaging import InstanceRow, StudyRow
from pipeline.codes import EventKind, Lane

_BATCH: Final = 500


def apply_ordered_priorities(session: Session, now: datetime, limit: int = _BATCH) -> int:
    """Apply ordered priorities to the studies with their accession numbers.

    An order that comes before its study is applied when the study is registered. Registrations
    wait meanwhile, so that no order is missed by both.

    Returns
    -------
    int
        How many orders were taken; call again until it is 0.
    """
    lock_registration(session)
    orders = session.scalars(
        select(OrderedPriorityRow)
        .where(OrderedPriorityRow.applied_at.is_(None))
        .order_by(OrderedPriorityRow.ordered_priority_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not orders:
        return 0
    priorities = {order.accession_number: order.priority for order in orders}
    # By instance: a study shows one accession number, its instances may carry several.
    studies = {
        row.study_id: row.accession_number
        for row in session.execute(
            select(InstanceRow.study_id, InstanceRow.accession_number).where(
                InstanceRow.accession_number.in_(priorities)
            )
        )
    }
    lock_studies(session, studies)
    session.execute(
        update(OrderedPriorityRow),
        [{"ordered_priority_id": order.ordered_priority_id, "applied_at": now} for order in orders],
    )
    log_events(
        session,
        [
            Event(
                kind=EventKind.PRIORITY_ORDERED,
                study_id=study_id,
                detail=priorities[accession_number],
            )
            for study_id, accession_number in sorted(studies.items())
            if accession_number is not None
        ],
        actor="order",
        now=now,
    )
    recompute_studies(session, studies)
    return len(orders)


def escalate_waiting(session: Session, now: datetime, limit: timedelta, batch: int = _BATCH) -> int:
    """Move up the studies that nobody has read within the limit.

    A worklist ordered by findings alone makes the last ones wait without bound: reporting of
    pneumothorax fell from 80 to 36 minutes in the mean and rose from 890 to 1,293 at the most.
    Studies that only came from an archive are left where they are: nobody waits for them.

    Parameters
    ----------
    limit
        How long a study may wait.
    batch
        At most so many; call again until it gives 0.

    Returns
    -------
    int
        How many were moved.

    References
    ----------
    Baltruschat et al., Smart chest X-ray worklist prioritization using artificial intelligence,
    European Radiology 2021.
    """
    query = (
        select(StudyRow.study_id)
        .where(
            StudyRow.escalated_at.is_(None),
            StudyRow.acknowledged_at.is_(None),
            StudyRow.waiting_since <= now - limit,
            exists()
            .where(InstanceRow.study_id == StudyRow.study_id)
            .where(InstanceRow.received_lane == Lane.URGENT),
        )
        .order_by(StudyRow.waiting_since)
        .limit(batch)
    )
    candidates = session.scalars(query).all()
    lock_studies(session, candidates)
    # Read once more under the lock: a reader may have acknowledged one this very moment.
    waiting = session.scalars(
        update(StudyRow)
        .where(
            StudyRow.study_id.in_(candidates),
            StudyRow.escalated_at.is_(None),
            StudyRow.acknowledged_at.is_(None),
        )
        .values(escalated_at=now)
        .returning(StudyRow.study_id)
        .execution_options(synchronize_session=False)
    ).all()
    log_events(
        session,
        [Event(kind=EventKind.ESCALATED, study_id=study_id) for study_id in sorted(waiting)],
        actor="escalation",
        now=now,
    )
    recompute_studies(session, waiting)
    return len(waiting)

"""Withdraws an instance: sent by mistake, of another patient, or one of two with one UID.

This module must not delete anything: the row stays, and says who withdrew it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.connection.dialect import lock_registration
from db.connection.errors import DatabaseError
from db.instances.duplicates import find_copies, queue_copies
from db.instances.states import rejected, write_states
from db.instances.stored_instances import lock_instances
from db.studies.derivation import lock_studies, recompute_studies
from db.tables.events import log_events
from db.tables.imaging import InstanceRow
from pipeline.codes import EventKind, ReasonCode
from pipeline.values.instance import Rejection


class InstanceNotFoundError(DatabaseError):
    """No content has the digest that was given."""


def withdraw_instance(
    session: Session, sha256: str, by: str, now: datetime, detail: str = "withdrawn"
) -> None:
    """Judge a study without this instance from now on.

    Of copies with the same SOP Instance UID that were quarantined because this one stood, the
    first is screened in its place.

    Raises
    ------
    InstanceNotFoundError
        If there is no such content.
    """
    row = session.execute(
        select(InstanceRow.study_id, InstanceRow.sop_instance_uid).where(
            InstanceRow.sha256 == sha256
        )
    ).one_or_none()
    if row is None:
        raise InstanceNotFoundError(
            f"no instance has the sha256 {sha256}; `pneumoscreen show UID` lists a study's"
        )
    lock_registration(session)
    lock_studies(session, {row.study_id, *find_copies(session, [row.sop_instance_uid]).values()})
    withdrawn = rejected(Rejection(ReasonCode.WITHDRAWN, detail), has_screening=False)
    events = write_states(
        session,
        [
            instance.change(withdrawn, EventKind.REJECTED)
            for instance in lock_instances(session, [sha256], ())
        ],
    )
    events += queue_copies(session, find_copies(session, [row.sop_instance_uid]))
    log_events(session, events, actor=by, now=now)
    recompute_studies(session, {event.study_id for event in events})

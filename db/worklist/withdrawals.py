"""Takes an instance back: sent by mistake, of another patient, or one of two with one UID.

This module must not delete anything: the row stays, and says who took it back.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.connection.errors import DatabaseError
from db.instances.later_copies import find_kept_back, take_up
from db.instances.registration import queue_registrations
from db.instances.states import rejected
from db.instances.stored_instances import change_content, load_contents
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

    Of contents with the same SOP Instance UID that were kept back because this one stood, the
    first is taken up in its place.

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
    queue_registrations(session)
    lock_studies(session, {row.study_id, *find_kept_back(session, [row.sop_instance_uid]).values()})
    values = rejected(Rejection(ReasonCode.WITHDRAWN, detail), has_screening=False)
    events = [
        change_content(session, content, values, EventKind.REJECTED)
        for content in load_contents(session, [sha256], ())
    ]
    events += take_up(session, find_kept_back(session, [row.sop_instance_uid]))
    log_events(session, events, actor=by, now=now)
    recompute_studies(session, {event.study_id for event in events})

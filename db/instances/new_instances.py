"""Inserts instances that were never seen before, and the studies that are new with them.

This module must not know paths, nor whether an instance is a copy of another.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.states import rejected, waiting
from db.instances.stored_instances import header_values
from db.studies.derivation import derive_new_studies
from db.studies.state import DESCRIPTION_NAMES, Description, InstanceFacts
from db.tables.columns import clean_text
from db.tables.events import Event
from db.tables.imaging import InstanceRow, StudyRow
from pipeline.codes import EventKind, Lane
from pipeline.values.instance import Instance, Rejection


@dataclass(frozen=True, slots=True)
class InsertedInstances:
    """New instances: their ids by sha256, the studies that came with them, what to log."""

    instance_ids: Mapping[str, int]
    new_studies: frozenset[int]
    events: list[Event]


def find_study_ids(session: Session, uids: Iterable[str]) -> dict[str, int]:
    """Give the ids of those of these studies that are stored, by Study Instance UID."""
    query = select(StudyRow.study_instance_uid, StudyRow.study_id)
    return {
        row.study_instance_uid: row.study_id
        for chunk in in_chunks(sorted(uids))
        for row in session.execute(query.where(StudyRow.study_instance_uid.in_(chunk)))
    }


def insert_instances(
    session: Session,
    new: Sequence[tuple[Instance, Rejection | None]],
    known_studies: Mapping[str, int],
    lane: Lane,
    now: datetime,
) -> InsertedInstances:
    """Insert instances, claimable at once, or in their final state where there is a rejection.

    Parameters
    ----------
    known_studies
        Ids of the studies that are not new, by UID.
    """
    if not new:
        return InsertedInstances({}, frozenset(), [])
    rows = [
        {
            **header_values(instance),
            **(rejected(rejection, has_screening=False) if rejection else waiting()).values(),
            "sha256": instance.sha256,
            "sop_instance_uid": instance.sop_instance_uid,
            "received_lane": lane,
            "lane": lane,
            "attempts": 0,
            "registered_at": now,
        }
        for instance, rejection in new
    ]
    by_study: defaultdict[str, list[InstanceFacts]] = defaultdict(list)
    for place, ((instance, _), row) in enumerate(zip(new, rows, strict=True)):
        by_study[instance.study_instance_uid].append(_facts_of_new(place, instance, row))
    new_ids = _insert_studies(
        session, {uid: facts for uid, facts in by_study.items() if uid not in known_studies}
    )
    study_ids = {**known_studies, **new_ids}
    for (instance, _), row in zip(new, rows, strict=True):
        row["study_id"] = study_ids[instance.study_instance_uid]
    # Inserted row by row in a pipeline, and the ids queried after: to return the ids, all rows
    # would go into one statement of thousands of parameters, which takes the driver longer.
    session.execute(insert(InstanceRow), rows)
    instance_ids = _find_instance_ids(session, [row["sha256"] for row in rows])
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
    return InsertedInstances(instance_ids, frozenset(new_ids.values()), events)


def _facts_of_new(place: int, instance: Instance, row: Mapping[str, Any]) -> InstanceFacts:
    """Give what a study that is new as well needs to know of an instance.

    Parameters
    ----------
    place
        Among the new ones; it stands for the id that the instance has not got yet.
    """
    description = {name: row[name] for name in DESCRIPTION_NAMES}
    accession_number = row["accession_number"]
    if accession_number is not None:  # orders are looked up by the number as it is stored
        description["accession_number"] = clean_text(accession_number)
    return InstanceFacts(
        instance_id=place,
        sha256=instance.sha256,
        sop_instance_uid=instance.sop_instance_uid,
        state=row["state"],
        reason_code=row["reason_code"],
        flags=instance.flags,
        registered_at=row["registered_at"],
        description=Description(**description),
        requested_procedure_priority=instance.requested_procedure_priority,
        result=None,
    )


def _find_instance_ids(session: Session, digests: Iterable[str]) -> dict[str, int]:
    query = select(InstanceRow.sha256, InstanceRow.instance_id)
    return {
        row.sha256: row.instance_id
        for chunk in in_chunks(sorted(digests))
        for row in session.execute(query.where(InstanceRow.sha256.in_(chunk)))
    }


def _insert_studies(
    session: Session, studies: Mapping[str, Sequence[InstanceFacts]]
) -> dict[str, int]:
    if not studies:
        return {}
    session.execute(insert(StudyRow), derive_new_studies(session, studies))
    return find_study_ids(session, studies)

"""The contents that arrive: new ones, known ones that are back, and those that were overwritten.

This module must not know paths, nor how a study is judged.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, insert, select, update
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.arrivals import Arrival
from db.instances.source_files import is_worth_another_look
from db.instances.states import registered, rejected, screened
from db.studies.derivation import derive_new_studies
from db.studies.state import DESCRIPTION_NAMES, Description, InstanceFacts
from db.tables.columns import clean_text, join_words
from db.tables.events import Event
from db.tables.imaging import InstanceRow, ScreeningRow, StudyRow
from pipeline.codes import EventKind, InstanceState, Lane, ReasonCode
from pipeline.values.instance import Instance, Rejection

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


@dataclass(frozen=True, slots=True)
class InsertedContents:
    """New contents: their ids by sha256, the studies that came with them, what to log."""

    instance_ids: Mapping[str, int]
    new_studies: frozenset[int]
    events: list[Event]


def header_values(instance: Instance) -> dict[str, Any]:
    """Give the column values that an instance's header fills."""
    return {
        **{name: getattr(instance, name) for name in HEADER_NAMES},
        "flags": join_words(instance.flags),
    }


def find_contents(
    session: Session, digests: Collection[str], instance_ids: Collection[int]
) -> dict[int, int]:
    """Give the instance ids of those of these contents that are known, each with its study's."""
    query = select(InstanceRow.instance_id, InstanceRow.study_id)
    return {
        row.instance_id: row.study_id
        for condition in _chunked_conditions(digests, instance_ids)
        for row in session.execute(query.where(condition))
    }


def find_study_ids(session: Session, uids: Iterable[str]) -> dict[str, int]:
    """Give the ids of those of these studies that are known, by Study Instance UID."""
    query = select(StudyRow.study_instance_uid, StudyRow.study_id)
    return {
        row.study_instance_uid: row.study_id
        for chunk in in_chunks(sorted(uids))
        for row in session.execute(query.where(StudyRow.study_instance_uid.in_(chunk)))
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
    known_studies: Mapping[str, int],
    lane: Lane,
    now: datetime,
) -> InsertedContents:
    """Insert new contents, and the studies that are new with them.

    Parameters
    ----------
    known_studies
        Ids of the studies that are not new, by UID.
    """
    if not verdicts:
        return InsertedContents({}, frozenset(), [])
    rows = [
        {
            **header_values(instance),
            **(rejected(rejection, has_screening=False) if rejection else registered()),
            "sha256": instance.sha256,
            "sop_instance_uid": instance.sop_instance_uid,
            "received_lane": lane,
            "lane": lane,
            "attempts": 0,
            "registered_at": now,
        }
        for instance, rejection in verdicts
    ]
    by_study: defaultdict[str, list[InstanceFacts]] = defaultdict(list)
    for place, ((instance, _), row) in enumerate(zip(verdicts, rows, strict=True)):
        by_study[instance.study_instance_uid].append(_facts_of_new(place, instance, row))
    new_ids = _insert_studies(
        session, {uid: facts for uid, facts in by_study.items() if uid not in known_studies}
    )
    study_ids = {**known_studies, **new_ids}
    for (instance, _), row in zip(verdicts, rows, strict=True):
        row["study_id"] = study_ids[instance.study_instance_uid]
    # Inserted row by row in a pipeline, and asked for after: to return the ids, all rows would go
    # into one statement of thousands of parameters, which the driver takes longer over than that.
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
    return InsertedContents(instance_ids, frozenset(new_ids.values()), events)


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


def _chunked_conditions(
    digests: Collection[str], instance_ids: Collection[int]
) -> Iterable[ColumnElement[bool]]:
    for chunk in in_chunks(sorted(digests)):
        yield InstanceRow.sha256.in_(chunk)
    for ids in in_chunks(sorted(instance_ids)):
        yield InstanceRow.instance_id.in_(ids)

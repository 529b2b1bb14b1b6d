"""The instances that are stored already: found, locked, and changed when their file changes.

This module must not know paths, nor how a study is judged.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.arrivals import Arrival
from db.instances.source_files import is_worth_another_look
from db.instances.states import StateChange, StateColumns, rejected, screened, waiting
from db.tables.columns import join_words
from db.tables.imaging import InstanceRow, ScreeningRow
from pipeline.codes import EventKind, InstanceState, ReasonCode
from pipeline.values.instance import Instance, Rejection

_COLUMN_NAMES: Final = frozenset(InstanceRow.__table__.columns.keys())
HEADER_NAMES: Final = tuple(
    field.name
    for field in fields(Instance)
    if field.name in _COLUMN_NAMES and field.name not in {"sha256", "sop_instance_uid", "flags"}
)


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """What the database knows of an instance."""

    instance_id: int
    study_id: int
    sha256: str
    sop_instance_uid: str
    state: InstanceState
    reason_code: ReasonCode | None
    has_screening: bool

    @property
    def is_revivable(self) -> bool:
        """Whether its file's being there again calls for another look."""
        return self.reason_code is ReasonCode.SUPERSEDED or is_worth_another_look(self.reason_code)

    def change(
        self, to: StateColumns, kind: EventKind, other_columns: dict[str, Any] | None = None
    ) -> StateChange:
        """Give its change to another state, logged with the reason that the state has."""
        return StateChange(
            kind=kind,
            instance_id=self.instance_id,
            study_id=self.study_id,
            from_state=self.state,
            to=to,
            other_columns=other_columns or {},
            reason_code=to.reason_code,
            detail=to.detail,
        )


def header_values(instance: Instance) -> dict[str, Any]:
    """Give the column values that an instance's header fills."""
    return {
        **{name: getattr(instance, name) for name in HEADER_NAMES},
        "flags": join_words(instance.flags),
    }


def find_studies_of(
    session: Session, digests: Collection[str], instance_ids: Collection[int]
) -> dict[int, int]:
    """Give, by instance id, the study id of those of these instances that are stored."""
    query = select(InstanceRow.instance_id, InstanceRow.study_id)
    return {
        row.instance_id: row.study_id
        for condition in _chunked_conditions(digests, instance_ids)
        for row in session.execute(query.where(condition))
    }


def lock_instances(
    session: Session, digests: Collection[str], instance_ids: Collection[int]
) -> list[StoredInstance]:
    """Give those of these instances that are stored; nobody can claim them until the end."""
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
        row.instance_id: StoredInstance(*row)
        for condition in _chunked_conditions(digests, instance_ids)
        for row in session.execute(query.where(condition).order_by(InstanceRow.instance_id))
    }
    return list(rows.values())


def displace(stored: StoredInstance, successor: Arrival) -> StateChange | None:
    """Say what becomes of an instance that no file holds any more, because its file was rewritten.

    A later version of the same instance supersedes one that was never screened: a sender paused
    in the middle of a file for longer than the settling time, say. Anything else that was still
    to be read is lost, and says so.
    """
    same_instance = (
        successor.instance is not None
        and successor.instance.sop_instance_uid == stored.sop_instance_uid
    )
    if same_instance and not stored.has_screening:
        rejection = Rejection(ReasonCode.SUPERSEDED, "the file was rewritten with a later version")
    elif stored.state.is_terminal:
        return None
    elif successor.instance is None and successor.rejection is not None:
        rejection = successor.rejection
    else:
        rejection = Rejection(
            ReasonCode.SOURCE_CHANGED, "the file was overwritten before it was screened"
        )
    to = rejected(rejection, has_screening=stored.has_screening)
    return stored.change(to, EventKind.REJECTED)


def revive(stored: StoredInstance, rejection: Rejection | None) -> StateChange:
    """Take up an instance again that was missing, unreadable or superseded."""
    if rejection is not None:
        to = rejected(rejection, has_screening=stored.has_screening)
        return stored.change(to, EventKind.REQUEUED)
    if stored.has_screening:
        return stored.change(screened(), EventKind.REQUEUED)
    return queue_again(stored)


def queue_again(stored: StoredInstance) -> StateChange:
    """Send an instance to the workers once more, with all of its attempts."""
    return stored.change(waiting(), EventKind.REQUEUED, {"attempts": 0})


def _chunked_conditions(
    digests: Collection[str], instance_ids: Collection[int]
) -> Iterable[ColumnElement[bool]]:
    for chunk in in_chunks(sorted(digests)):
        yield InstanceRow.sha256.in_(chunk)
    for ids in in_chunks(sorted(instance_ids)):
        yield InstanceRow.instance_id.in_(ids)

"""The states of an instance: the columns that belong to each, which may follow which, who writes.

This module must not know who asks for a change. Changes that a statement finds by itself (a claim,
an expired lease, reprocessing) are written where that statement stands, with the columns from here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.tables.columns import EPOCH
from db.tables.events import Event
from db.tables.imaging import InstanceRow
from pipeline.codes import EventKind, InstanceState, ReasonCode
from pipeline.values.instance import Rejection

_S = InstanceState
# A screened instance stays screened whatever becomes of its file later: it is no less ill. Only a
# verdict on what the radiograph is, or a person who withdraws it, ends that.
TRANSITIONS: Final[Mapping[InstanceState, frozenset[InstanceState]]] = MappingProxyType(
    {
        _S.REGISTERED: frozenset(InstanceState) - {_S.REGISTERED},
        _S.CLAIMED: frozenset(InstanceState),
        _S.SCREENED: frozenset({_S.REGISTERED, _S.SCREENED, _S.NOT_ELIGIBLE}),
        _S.NOT_ELIGIBLE: frozenset(InstanceState) - {_S.CLAIMED},
        _S.QUARANTINED: frozenset({_S.REGISTERED, _S.NOT_ELIGIBLE}),
        _S.FAILED: frozenset(InstanceState) - {_S.CLAIMED},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateColumns:
    """The columns that a state sets, all of them at every change."""

    state: InstanceState
    reason_code: ReasonCode | None = None
    detail: str | None = None
    lease_token: str | None = None
    claimable_at: datetime | None = None

    @property
    def reserves_uid(self) -> bool:
        """Whether another content with the same SOP Instance UID would be a conflict."""
        return reserves_uid(self.state, self.reason_code)

    def values(self) -> dict[str, Any]:
        """Give them by column name, for a statement."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """One instance's change of state, and what the event log says of it.

    Attributes
    ----------
    other_columns
        To set besides: attributes that a reader read anew, or ``attempts``.
    reason_code, detail
        For the event log.
    """

    kind: EventKind
    instance_id: int
    study_id: int
    from_state: InstanceState
    to: StateColumns
    other_columns: Mapping[str, Any] = field(default_factory=dict)
    reason_code: ReasonCode | None = None
    detail: str | None = None

    def __post_init__(self) -> None:
        if self.to.state not in TRANSITIONS[self.from_state]:
            raise ValueError(f"{self.from_state} may not become {self.to.state}")

    def event(self) -> Event:
        """Give the event to log."""
        return Event(
            kind=self.kind,
            study_id=self.study_id,
            instance_id=self.instance_id,
            from_state=self.from_state,
            to_state=self.to.state,
            reason_code=self.reason_code,
            detail=self.detail,
        )


def reserves_uid(state: InstanceState, reason_code: ReasonCode | None) -> bool:
    """Whether other content with its SOP Instance UID is a conflict; not if it was taken back."""
    is_taken_back = reason_code is not None and reason_code.is_taken_back
    return state.reserves_sop_instance_uid and not is_taken_back


def waiting(claimable_at: datetime = EPOCH) -> StateColumns:
    """Give the columns of an instance that waits for a worker, from the start or once more."""
    return StateColumns(state=InstanceState.REGISTERED, claimable_at=claimable_at)


def claimed(lease_token: str, lease_ends_at: datetime) -> StateColumns:
    """Give the columns of an instance that a worker has."""
    return StateColumns(
        state=InstanceState.CLAIMED, lease_token=lease_token, claimable_at=lease_ends_at
    )


def screened() -> StateColumns:
    """Give the columns of an instance that has its screening."""
    return StateColumns(state=InstanceState.SCREENED)


def rejected(rejection: Rejection, *, has_screening: bool) -> StateColumns:
    """Give the columns of an instance that was refused.

    Where there is a screening it stands, and the reason is noted beside it (see `TRANSITIONS`).
    """
    state = rejection.reason_code.state
    if has_screening and state is not InstanceState.NOT_ELIGIBLE:
        state = InstanceState.SCREENED
    return StateColumns(state=state, reason_code=rejection.reason_code, detail=rejection.detail)


def write_states(session: Session, changes: Iterable[StateChange]) -> list[Event]:
    """Write changes, those that set the same columns in one statement; give the events to log."""
    by_columns: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    events = []
    for change in changes:
        values = {"instance_id": change.instance_id, **change.other_columns, **change.to.values()}
        by_columns[tuple(values)].append(values)
        events.append(change.event())
    for rows in by_columns.values():
        session.execute(update(InstanceRow), rows)
    return events

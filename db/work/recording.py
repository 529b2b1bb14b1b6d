"""Records what became of claimed instances: all of a batch in one transaction, each only once.

An outcome counts only under the token of a lease that still holds; a late or repeated one changes
nothing. This module must not know how an instance was read or scored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.connection.dialect import insert_for
from db.instances.duplicates import find_copies, queue_copies
from db.instances.states import StateChange, rejected, screened, waiting, write_states
from db.instances.stored_instances import header_values
from db.studies.derivation import lock_studies, recompute_studies
from db.tables.columns import join_words
from db.tables.events import log_events
from db.tables.imaging import FindingRow, InstanceRow, ModelReleaseRow, ScreeningRow
from db.work.claims import Claim
from pipeline.codes import EventKind, Flag, InstanceState, Priority, ReasonCode
from pipeline.values.instance import Instance, Rejection
from pipeline.values.screening import Screening

_ACTOR: Final = "worker"


@dataclass(frozen=True, slots=True)
class Screened:
    """The instance was read and scored.

    Attributes
    ----------
    instance
        As it was read now; a newer version of the program may read more than at registration.
    flags
        All that a reader of the worklist should know, the header's and the pixels'.
    """

    claim: Claim
    instance: Instance
    screening: Screening
    priority: Priority
    flags: frozenset[Flag]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The instance will not be scored, for this reason."""

    claim: Claim
    rejection: Rejection


@dataclass(frozen=True, slots=True)
class Deferred:
    """A transient error; the instance is tried again, not before the given time."""

    claim: Claim
    rejection: Rejection
    next_attempt_at: datetime


Outcome: TypeAlias = Screened | Rejected | Deferred


@dataclass(frozen=True, slots=True)
class _Held:
    """An instance whose lease still holds, with its outcome."""

    instance_id: int
    study_id: int
    has_screening: bool
    outcome: Outcome


def record_outcomes(
    session: Session, outcomes: Sequence[Outcome], now: datetime, actor: str = _ACTOR
) -> int:
    """Record a batch; give the number of outcomes that counted.

    Raises
    ------
    DatabaseError
        If the database cannot be written; then nothing of the batch is.
    """
    held = _find_held(session, outcomes)
    _store_screenings(session, held)
    changes = [_change(each) for each in held]
    events = write_states(session, changes)
    # A copy that was quarantined while this one counted as intact is screened in its place.
    lost = {change.instance_id for change in changes if not change.to.reserves_uid}
    uids = [each.outcome.claim.sop_instance_uid for each in held if each.instance_id in lost]
    events += queue_copies(session, find_copies(session, uids))
    log_events(session, events, actor=actor, now=now)
    recompute_studies(session, {event.study_id for event in events})
    return len(held)


def _find_held(session: Session, outcomes: Sequence[Outcome]) -> list[_Held]:
    """Lock the studies, then the instances; keep the outcomes whose token still is theirs."""
    by_id = {outcome.claim.instance_id: outcome for outcome in outcomes}
    study_ids = {
        study_id
        for chunk in in_chunks(sorted(by_id))
        for study_id in session.scalars(
            select(InstanceRow.study_id).where(InstanceRow.instance_id.in_(chunk))
        )
    }
    refused = [o.claim.sop_instance_uid for o in outcomes if isinstance(o, Rejected)]
    lock_studies(session, study_ids.union(find_copies(session, refused).values()))
    query = (
        select(
            InstanceRow.instance_id,
            InstanceRow.study_id,
            InstanceRow.lease_token,
            exists().where(ScreeningRow.instance_id == InstanceRow.instance_id),
        )
        .order_by(InstanceRow.instance_id)
        .with_for_update(of=InstanceRow, key_share=True)
    )
    return [
        _Held(instance_id, study_id, has_screening, by_id[instance_id])
        for chunk in in_chunks(sorted(by_id))
        for instance_id, study_id, token, has_screening in session.execute(
            query.where(InstanceRow.instance_id.in_(chunk))
        )
        if token == by_id[instance_id].claim.lease_token
    ]


def _change(held: _Held) -> StateChange:
    """Give the change of state that an outcome makes, with the words for the event log."""
    other_columns: dict[str, Any] = {}
    reason_code: ReasonCode | None = None
    match held.outcome:
        case Screened(instance=instance, flags=flags, screening=screening):
            kind, to = EventKind.SCREENED, screened()
            other_columns = {**header_values(instance), "flags": join_words(flags)}
            detail = f"release {screening.model_release}"
        case Rejected(rejection=rejection):
            kind, to = EventKind.REJECTED, rejected(rejection, has_screening=held.has_screening)
            reason_code, detail = rejection.reason_code, rejection.detail
        case Deferred(rejection=rejection, next_attempt_at=next_attempt_at):
            kind, to = EventKind.DEFERRED, waiting(next_attempt_at)
            reason_code, detail = rejection.reason_code, rejection.detail
    return StateChange(
        kind=kind,
        instance_id=held.instance_id,
        study_id=held.study_id,
        from_state=InstanceState.CLAIMED,
        to=to,
        other_columns=other_columns,
        reason_code=reason_code,
        detail=detail,
    )


def _store_screenings(session: Session, held: Iterable[_Held]) -> None:
    """Insert screenings; of one release and instance there is one, and the latest is it."""
    found = {each.instance_id: o for each in held if isinstance(o := each.outcome, Screened)}
    if not found:
        return
    releases = {row.name: row for row in session.scalars(select(ModelReleaseRow))}
    rows = [
        {
            "instance_id": instance_id,
            "model_release_id": releases[outcome.screening.model_release].model_release_id,
            "preprocessing_version": releases[
                outcome.screening.model_release
            ].preprocessing_version,
            "engine": outcome.screening.engine,
            "priority": outcome.priority,
            "screened_at": outcome.screening.screened_at,
        }
        for instance_id, outcome in found.items()
    ]
    insert_screening = insert_for(session, ScreeningRow)
    returned = session.execute(
        insert_screening.on_conflict_do_update(
            index_elements=[
                ScreeningRow.instance_id,
                ScreeningRow.model_release_id,
                ScreeningRow.preprocessing_version,
            ],
            set_={
                name: insert_screening.excluded[name]
                for name in ("engine", "priority", "screened_at")
            },
        ).returning(ScreeningRow.instance_id, ScreeningRow.screening_id),
        rows,
    )
    screening_ids = {row.instance_id: row.screening_id for row in returned}
    session.execute(delete(FindingRow).where(FindingRow.screening_id.in_(screening_ids.values())))
    session.execute(
        insert(FindingRow),
        [
            {
                "screening_id": screening_ids[instance_id],
                "code": finding.code,
                "probability": finding.probability,
                "band": finding.band,
                "operating_point": finding.operating_point,
            }
            for instance_id, outcome in found.items()
            for finding in outcome.screening.findings
        ],
    )

"""Records what became of claimed instances: all of a batch in one transaction, each only once.

This module must not know how an outcome was come by. An outcome counts only under the token of
the lease that still holds; a late or repeated one changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.later_copies import find_kept_back, take_up
from db.instances.states import registered, rejected, screened
from db.instances.stored_instances import header_values
from db.studies.derivation import lock_studies, recompute_studies
from db.tables.columns import join_words
from db.tables.events import Event, log_events
from db.tables.imaging import FindingRow, InstanceRow, ModelReleaseRow, ScreeningRow
from db.work.claims import Claim
from db.work.releases import register_release
from pipeline.codes import EventKind, Flag, InstanceState, Priority, ReasonCode
from pipeline.values.instance import Instance, Rejection
from pipeline.values.screening import Screening

__all__ = ["Deferred", "Outcome", "Rejected", "Screened", "record_outcomes", "register_release"]

_ACTOR: Final = "worker"
_GIVES_WAY: Final = frozenset({InstanceState.QUARANTINED, InstanceState.FAILED})


@dataclass(frozen=True, slots=True)
class Screened:
    """The instance was read and scored.

    Attributes
    ----------
    instance
        As the reader saw it now, perhaps with a newer version's eyes than at registration.
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
    """Something passing went wrong; the instance is tried again, not before the given time."""

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
    events = _store_states(session, held)
    # A copy that came before this one was found damaged or lost has its turn now.
    gone = {event.instance_id for event in events if event.to_state in _GIVES_WAY}
    uids = [each.outcome.claim.sop_instance_uid for each in held if each.instance_id in gone]
    events += take_up(session, find_kept_back(session, uids))
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
    lock_studies(session, study_ids.union(find_kept_back(session, refused).values()))
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


def _store_states(session: Session, held: Iterable[_Held]) -> list[Event]:
    """Change the instances, those of one kind of outcome in one statement; give the events."""
    values_of_kind: defaultdict[EventKind, list[dict[str, Any]]] = defaultdict(list)
    events: list[Event] = []
    for each in held:
        kind, values, reason_code, detail = _judge(each)
        values_of_kind[kind].append({"instance_id": each.instance_id, **values})
        events.append(
            Event(
                kind=kind,
                study_id=each.study_id,
                instance_id=each.instance_id,
                from_state=InstanceState.CLAIMED,
                to_state=values["state"],
                reason_code=reason_code,
                detail=detail,
            )
        )
    for values_of_instances in values_of_kind.values():
        session.execute(update(InstanceRow), values_of_instances)
    return events


def _judge(held: _Held) -> tuple[EventKind, dict[str, Any], ReasonCode | None, str]:
    """Give what happened, the columns it sets, and the words for the event log."""
    match held.outcome:
        case Screened(instance=instance, flags=flags, screening=screening):
            values = {**header_values(instance), "flags": join_words(flags), **screened()}
            return EventKind.SCREENED, values, None, f"release {screening.model_release}"
        case Rejected(rejection=rejection):
            values = rejected(rejection, has_screening=held.has_screening)
            return EventKind.REJECTED, values, rejection.reason_code, rejection.detail
        case Deferred(rejection=rejection, next_attempt_at=next_attempt_at):
            values = registered(next_attempt_at)
            return EventKind.DEFERRED, values, rejection.reason_code, rejection.detail


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
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    insert_screening = dialect.insert(ScreeningRow)
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

"""Claims: which worker has which instance, until when, and which instance is next.

A claim is a lease with a token. When the lease is over, the instance is claimable again, and a
result under the old token is refused. This module must not know what a worker does with a claim.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, tuple_, update
from sqlalchemy.orm import Session

from db.connection.chunks import in_chunks
from db.instances.source_files import find_paths
from db.instances.states import claimed, waiting
from db.tables.events import Event, log_events
from db.tables.imaging import InstanceRow
from pipeline.codes import EventKind, InstanceState, Lane

LANES_IN_ORDER: Final = (Lane.URGENT, Lane.BACKFILL)
_ACTOR: Final = "worker"


@dataclass(frozen=True, slots=True)
class Claim:
    """An instance that one worker has for now.

    Attributes
    ----------
    lease_token
        Must come back with the outcome.
    path
        Where its content was last seen. Empty if no file leads to it any more: opening that
        fails as a missing file does.
    attempts
        How often it was claimed since it was last taken up, this time included.
    """

    instance_id: int
    lease_token: str
    sha256: str
    path: bytes
    attempts: int
    sop_instance_uid: str
    lane: Lane


def claim_batch(
    session: Session,
    *,
    limit: int,
    lease: timedelta,
    now: datetime,
    lanes: Collection[Lane] = LANES_IN_ORDER,
    holding: bool = False,
    actor: str = _ACTOR,
) -> list[Claim]:
    """Claim what is due in one lane: all that is urgent before the backfill, the oldest first.

    Attempts are counted here, before anything is opened, so that a file which kills its worker
    is known by its count. An instance whose earlier claim ended without a result is claimed alone:
    if its worker dies again, no other file can have been the cause. Two callers never get the same
    instance: PostgreSQL skips rows that another transaction holds, SQLite has one writer at a time.

    Parameters
    ----------
    limit
        At most this many.
    lease
        From ``now`` on, other workers leave them alone for this long.
    lanes
        Only these are looked at.
    holding
        The caller has other claims now. It gets nothing from the first retry on, since a retry is
        claimed alone: it must finish what it has first.
    """
    token = secrets.token_hex(16)
    values = {**claimed(token, now + lease).values(), "attempts": InstanceRow.attempts + 1}
    due = _lock_due(session, lanes, now, limit)
    fresh = list(takewhile(lambda row: row.attempts == 0, due))
    turn = fresh or ([] if holding else due[:1])
    taken = [
        row
        for chunk in in_chunks([row.instance_id for row in turn])
        for row in _change(session, chunk, values)
    ]
    taken.sort(key=lambda row: int(row.instance_id))
    paths = find_paths(session, [row.instance_id for row in taken])
    log_events(
        session,
        [
            Event(
                kind=EventKind.CLAIMED,
                study_id=row.study_id,
                instance_id=row.instance_id,
                to_state=InstanceState.CLAIMED,
                detail=f"attempt {row.attempts}",
            )
            for row in taken
        ],
        actor=actor,
        now=now,
    )
    return [
        Claim(
            instance_id=row.instance_id,
            lease_token=token,
            sha256=row.sha256,
            path=paths.get(row.instance_id, b""),
            attempts=row.attempts,
            sop_instance_uid=row.sop_instance_uid,
            lane=row.lane,
        )
        for row in taken
    ]


def renew_leases(
    session: Session, claims: Sequence[Claim], *, lease: timedelta, now: datetime
) -> int:
    """Extend the leases that still hold; give their number."""
    return sum(
        len(_change_held(session, chunk, {"claimable_at": now + lease}))
        for chunk in in_chunks(claims)
    )


def release_claims(
    session: Session, claims: Sequence[Claim], now: datetime, actor: str = _ACTOR
) -> int:
    """Give back what was claimed and not read, as if it had never been claimed.

    Returns
    -------
    int
        How many were still held.
    """
    values = {**waiting().values(), "attempts": InstanceRow.attempts - 1}
    released = [row for chunk in in_chunks(claims) for row in _change_held(session, chunk, values)]
    _log_return(session, released, EventKind.HANDED_BACK, actor, now)
    return len(released)


def sweep_expired_leases(session: Session, now: datetime) -> int:
    """Put back what a worker claimed and did not finish in time; give the number.

    An expired lease is claimable without this; sweeping shows it for what it is and tells the
    caller that hints may have been lost.
    """
    expired = _free_ids(InstanceRow.state == InstanceState.CLAIMED, InstanceRow.claimable_at <= now)
    swept = _change(session, expired, waiting().values())
    _log_return(session, swept, EventKind.LEASE_EXPIRED, "sweeper", now)
    return len(swept)


def seconds_until_next_claim(session: Session, now: datetime) -> float | None:
    """Give the time until something is claimable, 0 if it is now, None if all is terminal."""
    earliest = session.scalar(
        select(func.min(InstanceRow.claimable_at)).where(InstanceRow.claimable_at.is_not(None))
    )
    return None if earliest is None else max(0.0, (earliest - now).total_seconds())


def _lock_due(
    session: Session, lanes: Collection[Lane], now: datetime, limit: int
) -> Sequence[Any]:
    """Lock the oldest that are due in the first lane where something is."""
    for lane in LANES_IN_ORDER:
        if lane in lanes:
            conditions = (InstanceRow.lane == lane, InstanceRow.claimable_at <= now)
            query = _free(InstanceRow.instance_id, InstanceRow.attempts, where=conditions)
            if due := session.execute(query.limit(limit)).all():
                return due
    return []


def _free(*columns: Any, where: Sequence[ColumnElement[bool]]) -> Select[Any]:  # noqa: ANN401
    """Select and lock, the oldest first, instances that no other transaction holds."""
    return (
        select(*columns)
        .where(InstanceRow.claimable_at.is_not(None), *where)
        .order_by(InstanceRow.instance_id)
        .with_for_update(skip_locked=True, key_share=True)
    )


def _free_ids(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Select the ids of free instances, for an UPDATE in the same statement.

    In a CTE, which PostgreSQL evaluates once: locking rows within IN (...) may be evaluated again
    for each row that is joined to it.
    """
    return select(_free(InstanceRow.instance_id, where=conditions).cte("free").c.instance_id)


def _change(
    session: Session, ids: Select[Any] | Sequence[int], values: dict[str, Any]
) -> Sequence[Any]:
    return session.execute(
        update(InstanceRow)
        .where(InstanceRow.instance_id.in_(ids))
        .values(values)
        .returning(
            InstanceRow.instance_id,
            InstanceRow.study_id,
            InstanceRow.sha256,
            InstanceRow.attempts,
            InstanceRow.sop_instance_uid,
            InstanceRow.lane,
        )
        .execution_options(synchronize_session=False)
    ).all()


def _change_held(
    session: Session, claims: Sequence[Claim], values: dict[str, Any]
) -> Sequence[Any]:
    held = _free_ids(
        tuple_(InstanceRow.instance_id, InstanceRow.lease_token).in_(
            [(claim.instance_id, claim.lease_token) for claim in claims]
        )
    )
    return _change(session, held, values)


def _log_return(
    session: Session, rows: Sequence[Any], kind: EventKind, actor: str, now: datetime
) -> None:
    log_events(
        session,
        [
            Event(
                kind=kind,
                study_id=row.study_id,
                instance_id=row.instance_id,
                from_state=InstanceState.CLAIMED,
                to_state=InstanceState.REGISTERED,
            )
            for row in rows
        ],
        actor=actor,
        now=now,
    )

"""Marks what lacks a release's screening, so that the backfill lane makes it up.

This module must not know when it is run, nor which release is current.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, exists, func, or_, select, update
from sqlalchemy.orm import Session

from db.instances.states import registered
from db.studies.derivation import lock_studies, recompute_studies
from db.tables.columns import EPOCH
from db.tables.events import Event, log_events
from db.tables.imaging import InstanceRow, ModelReleaseRow, ScreeningRow
from pipeline.codes import EventKind, InstanceState, Lane

_SCREENED: Final = frozenset({InstanceState.SCREENED})


@dataclass(frozen=True, slots=True)
class Marked:
    """What one call marked: how many, and where the next call is to go on."""

    instances: int
    last_id: int


def count_to_reprocess(
    session: Session,
    release: str,
    *,
    since: datetime | None = None,
    states: Collection[InstanceState] = _SCREENED,
    site: str | None = None,
) -> int:
    """Count the instances that lack a release's screening: those that were screened, by default.

    Parameters
    ----------
    release
        The name of the release that is wanted.
    since
        Only instances registered at or after this time.
    states
        Only instances in one of these terminal states.
    site
        Only of this (0008,0080) Institution Name or (0008,1010) Station Name.
    """
    query = select(func.count()).select_from(lacking(release, since, states, site).subquery())
    return session.scalar(query) or 0


def mark_for_reprocessing(
    session: Session,
    release: str,
    *,
    now: datetime,
    since: datetime | None = None,
    states: Collection[InstanceState] = _SCREENED,
    site: str | None = None,
    limit: int | None = None,
    after: int = 0,
    actor: str = "reprocess",
) -> Marked:
    """Put instances that lack a release's screening into the backfill lane.

    Their results stand until there is a newer one, so no study changes its place by being marked.
    What could not be read when it was last screened again is left out, until its file is seen.

    Parameters
    ----------
    limit
        At most so many; call again until it gives 0. A few hundred keep the transaction short.
    after
        Only instances behind this one, the ``last_id`` of the call before: an archive is walked
        once, instead of from its first row at every call. What another transaction holds is passed
        over, and left to the next walk.
    """
    selected = (
        lacking(release, since, states, site)
        .where(InstanceRow.instance_id > after)
        .order_by(InstanceRow.instance_id)
        .limit(limit)
    )
    changes_studies = not _SCREENED.issuperset(states)
    if changes_studies:  # study before instance, as everywhere
        query = select(InstanceRow.study_id).where(InstanceRow.instance_id.in_(selected))
        lock_studies(session, session.scalars(query).all())
    marked_ids = selected.with_for_update(of=InstanceRow, skip_locked=True, key_share=True).cte(
        "lacking"
    )
    marked = session.execute(
        update(InstanceRow)
        .where(InstanceRow.instance_id.in_(select(marked_ids.c.instance_id)))
        .values({**registered(EPOCH), "lane": Lane.BACKFILL, "attempts": 0})
        .returning(InstanceRow.instance_id, InstanceRow.study_id)
        .execution_options(synchronize_session=False)
    ).all()
    log_events(
        session,
        [
            Event(
                kind=EventKind.REQUEUED,
                study_id=row.study_id,
                instance_id=row.instance_id,
                from_state=next(iter(states)) if len(states) == 1 else None,
                to_state=InstanceState.REGISTERED,
                detail=f"for release {release}",
            )
            for row in sorted(marked, key=lambda row: int(row.instance_id))
        ],
        actor=actor,
        now=now,
    )
    if changes_studies:
        recompute_studies(session, {row.study_id for row in marked})
    return Marked(len(marked), max((int(row.instance_id) for row in marked), default=after))


def lacking(
    release: str,
    since: datetime | None = None,
    states: Collection[InstanceState] = _SCREENED,
    site: str | None = None,
) -> Select[int]:
    """Select the ids of the instances that lack a release's screening."""
    query = select(InstanceRow.instance_id).where(
        InstanceRow.state.in_(states),
        # Screened, and not to be had the last time: see `mark_for_reprocessing`.
        (InstanceRow.state != InstanceState.SCREENED) | InstanceRow.reason_code.is_(None),
        ~exists()
        .where(ScreeningRow.instance_id == InstanceRow.instance_id)
        .where(ScreeningRow.model_release_id == ModelReleaseRow.model_release_id)
        .where(ModelReleaseRow.name == release),
    )
    if since is not None:
        query = query.where(InstanceRow.registered_at >= since)
    if site is not None:
        query = query.where(
            or_(InstanceRow.institution_name == site, InstanceRow.station_name == site)
        )
    return query

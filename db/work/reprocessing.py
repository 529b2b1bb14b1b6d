"""Sends instances that lack a release's screening back to the workers, in the backfill lane.

This module must not know when it is run, nor which release is current.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, update
from sqlalchemy.orm import Session

from db.instances.states import waiting
from db.studies.derivation import lock_studies, recompute_studies
from db.tables.events import Event, log_events
from db.tables.imaging import InstanceRow, ModelReleaseRow, ScreeningRow
from pipeline.codes import EventKind, InstanceState, Lane


@dataclass(frozen=True, slots=True)
class Selection:
    """Which instances are meant, of those that a release is compared with or to screen again.

    Attributes
    ----------
    release
        The name of the release that is wanted.
    since
        Registered then or later.
    states
        In one of these terminal states.
    institution_or_station
        Of this (0008,0080) Institution Name, or this (0008,1010) Station Name.
    """

    release: str
    since: datetime | None = None
    states: frozenset[InstanceState] = frozenset({InstanceState.SCREENED})
    institution_or_station: str | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Give the conditions on `InstanceRow`, but for the release."""
        yield InstanceRow.state.in_(self.states)
        if self.since is not None:
            yield InstanceRow.registered_at >= self.since
        if self.institution_or_station is not None:
            yield or_(
                InstanceRow.institution_name == self.institution_or_station,
                InstanceRow.station_name == self.institution_or_station,
            )


@dataclass(frozen=True, slots=True)
class Marked:
    """What one call marked: how many, and where the next call is to go on."""

    instances: int
    last_id: int


def count_to_reprocess(session: Session, selection: Selection) -> int:
    """Count the instances of a selection that lack its release's screening."""
    query = select(func.count()).select_from(lacking(selection).subquery())
    return session.scalar(query) or 0


def mark_for_reprocessing(
    session: Session,
    selection: Selection,
    *,
    now: datetime,
    limit: int | None = None,
    after: int = 0,
    actor: str = "reprocess",
) -> Marked:
    """Put the instances of a selection that lack its release's screening into the backfill lane.

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
        lacking(selection)
        .where(InstanceRow.instance_id > after)
        .order_by(InstanceRow.instance_id)
        .limit(limit)
    )
    states = selection.states
    changes_studies = states != {InstanceState.SCREENED}
    if changes_studies:  # study before instance, as everywhere
        query = select(InstanceRow.study_id).where(InstanceRow.instance_id.in_(selected))
        lock_studies(session, session.scalars(query).all())
    marked_ids = selected.with_for_update(of=InstanceRow, skip_locked=True, key_share=True).cte(
        "lacking"
    )
    marked = session.execute(
        update(InstanceRow)
        .where(InstanceRow.instance_id.in_(select(marked_ids.c.instance_id)))
        .values({**waiting().values(), "lane": Lane.BACKFILL, "attempts": 0})
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
                detail=f"for release {selection.release}",
            )
            for row in sorted(marked, key=lambda row: int(row.instance_id))
        ],
        actor=actor,
        now=now,
    )
    if changes_studies:
        recompute_studies(session, {row.study_id for row in marked})
    return Marked(len(marked), max((int(row.instance_id) for row in marked), default=after))


def lacking(selection: Selection) -> Select[int]:
    """Select the ids of the instances of a selection that lack its release's screening."""
    return select(InstanceRow.instance_id).where(
        *selection.conditions(),
        # Screened, and its file could not be read the last time: see `mark_for_reprocessing`.
        (InstanceRow.state != InstanceState.SCREENED) | InstanceRow.reason_code.is_(None),
        ~exists()
        .where(ScreeningRow.instance_id == InstanceRow.instance_id)
        .where(ScreeningRow.model_release_id == ModelReleaseRow.model_release_id)
        .where(ModelReleaseRow.name == selection.release),
    )

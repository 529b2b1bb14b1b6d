"""Marks what lacks a release's screening, so that the backfill lane makes it up.

This module must not know when it is run, nor which release is current.
"""

from datetime import datetime

from sqlalchemy import Select, exists, func, select, update
from sqlalchemy.orm import Session

from db.columns import EPOCH
from db.events import Event, log_events
from db.tables import InstanceRow, ModelReleaseRow, ScreeningRow
from db.transitions import registered
from pipeline.codes import EventKind, InstanceState, Lane


def count_to_reprocess(session: Session, release: str, *, since: datetime | None = None) -> int:
    """Count the screened instances that lack a release's screening.

    Parameters
    ----------
    release
        The name of the release that is wanted.
    since
        Only instances registered at or after this time.
    """
    query = select(func.count()).select_from(_lacking(release, since).subquery())
    return session.scalar(query) or 0


def mark_for_reprocessing(
    session: Session,
    release: str,
    *,
    now: datetime,
    since: datetime | None = None,
    limit: int | None = None,
    actor: str = "reprocess",
) -> int:
    """Put screened instances that lack a release's screening into the backfill lane.

    Their results stand until there is a newer one, so no study changes its place by being marked.
    What could not be read when it was last screened again is left out, until its file is seen.

    Parameters
    ----------
    limit
        At most so many; call again until it gives 0. A few hundred keep the transaction short.

    Returns
    -------
    int
        How many were marked.
    """
    lacking = (
        _lacking(release, since)
        .order_by(InstanceRow.instance_id)
        .limit(limit)
        .with_for_update(of=InstanceRow, skip_locked=True, key_share=True)
        .cte("lacking")
    )
    marked = session.execute(
        update(InstanceRow)
        .where(InstanceRow.instance_id.in_(select(lacking.c.instance_id)))
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
                from_state=InstanceState.SCREENED,
                to_state=InstanceState.REGISTERED,
                detail=f"for release {release}",
            )
            for row in sorted(marked, key=lambda row: int(row.instance_id))
        ],
        actor=actor,
        now=now,
    )
    return len(marked)


def _lacking(release: str, since: datetime | None) -> Select[int]:
    query = select(InstanceRow.instance_id).where(
        InstanceRow.state == InstanceState.SCREENED,
        InstanceRow.reason_code.is_(None),
        ~exists()
        .where(ScreeningRow.instance_id == InstanceRow.instance_id)
        .where(ScreeningRow.model_release_id == ModelReleaseRow.model_release_id)
        .where(ModelReleaseRow.name == release),
    )
    return query if since is None else query.where(InstanceRow.registered_at >= since)

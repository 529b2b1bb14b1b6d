"""The backlog: how much waits for a worker, by lane. This module changes nothing."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables.imaging import InstanceRow
from pipeline.codes import Lane


def count_due(session: Session, now: datetime, *, at_most: int) -> dict[Lane, int]:
    """Count what a worker could claim now, by lane, urgent first; counting stops at ``at_most``."""
    return {
        lane: session.scalars(
            select(func.count()).select_from(
                select(InstanceRow.instance_id)
                .where(InstanceRow.lane == lane, InstanceRow.claimable_at <= now)
                .limit(at_most)
                .subquery()
            )
        ).one()
        for lane in (Lane.URGENT, Lane.BACKFILL)
    }

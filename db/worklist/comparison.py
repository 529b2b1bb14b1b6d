"""The results that stand, for a candidate release to be compared with. It changes nothing.

This module must not know what scores an instance.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db.tables.imaging import FindingRow, InstanceRow, ScreeningRow
from db.work.claims import find_paths
from pipeline.codes import Band, InstanceState


@dataclass(frozen=True, slots=True)
class Standing:
    """A screened instance with its latest result."""

    instance_id: int
    sha256: str
    path: bytes
    patient_age_years: float | None
    station_name: str | None
    probability: float
    band: Band


def read_standing(
    session: Session,
    *,
    after_id: int,
    limit: int,
    since: datetime | None = None,
    site: str | None = None,
) -> list[Standing]:
    """Give screened instances with their latest results, in the order of their ids.

    Parameters
    ----------
    after_id
        Only instances with a greater id: where the previous call left off.
    since, site
        As in `db.work.reprocessing.count_to_reprocess`.
    """
    latest = (
        select(func.max(ScreeningRow.screening_id))
        .where(ScreeningRow.instance_id == InstanceRow.instance_id)
        .correlate(InstanceRow)
        .scalar_subquery()
    )
    query = (
        select(
            InstanceRow.instance_id,
            InstanceRow.sha256,
            InstanceRow.patient_age_years,
            InstanceRow.station_name,
            FindingRow.probability,
            FindingRow.band,
        )
        .join(FindingRow, FindingRow.screening_id == latest)
        .where(InstanceRow.state == InstanceState.SCREENED, InstanceRow.instance_id > after_id)
        .order_by(InstanceRow.instance_id)
        .limit(limit)
    )
    if since is not None:
        query = query.where(InstanceRow.registered_at >= since)
    if site is not None:
        query = query.where(
            or_(InstanceRow.institution_name == site, InstanceRow.station_name == site)
        )
    rows = session.execute(query).all()
    paths = find_paths(session, [row.instance_id for row in rows])
    return [
        Standing(
            instance_id=row.instance_id,
            sha256=row.sha256,
            path=paths.get(row.instance_id, b""),
            patient_age_years=row.patient_age_years,
            station_name=row.station_name,
            probability=row.probability,
            band=row.band,
        )
        for row in rows
    ]

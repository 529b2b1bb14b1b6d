"""The results that count, for a candidate release to be compared with. It changes nothing.

This module must not know what scores an instance.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.instances.source_files import find_paths
from db.studies.results import read_results
from db.tables.imaging import InstanceRow
from db.work.reprocessing import Selection
from pipeline.codes import Band


@dataclass(frozen=True, slots=True)
class CountingResult:
    """A screened instance with the result that counts."""

    instance_id: int
    sha256: str
    path: bytes
    patient_age_years: float | None
    station_name: str | None
    probability: float
    band: Band


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """Some of the results, and the last instance that was looked at for them."""

    results: list[CountingResult]
    last_id: int | None


def read_counting_results(
    session: Session, selection: Selection, *, after_id: int, limit: int
) -> ResultsPage:
    """Give screened instances with the results that count, in the order of their ids.

    Parameters
    ----------
    after_id
        Only instances with a greater id: the ``last_id`` of the call before. At the end it is None.
    """
    query = (
        select(
            InstanceRow.instance_id,
            InstanceRow.sha256,
            InstanceRow.patient_age_years,
            InstanceRow.station_name,
        )
        .where(*selection.conditions(), InstanceRow.instance_id > after_id)
        .order_by(InstanceRow.instance_id)
        .limit(limit)
    )
    rows = session.execute(query).all()
    instance_ids = [row.instance_id for row in rows]
    results = read_results(session, InstanceRow.instance_id.in_(instance_ids))
    paths = find_paths(session, instance_ids)
    counting = [
        CountingResult(
            instance_id=row.instance_id,
            sha256=row.sha256,
            path=paths.get(row.instance_id, b""),
            patient_age_years=row.patient_age_years,
            station_name=row.station_name,
            probability=result.probability,
            band=result.band,
        )
        for row in rows
        if (result := results.get(row.instance_id)) is not None
    ]
    return ResultsPage(counting, instance_ids[-1] if instance_ids else None)

"""Which of an instance's screenings counts: the latest, with its most urgent finding.

This module must not know what a study makes of it.
"""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from db.studies.state import Result
from db.tables.imaging import FindingRow, InstanceRow, ModelReleaseRow, ScreeningRow


def latest_results(session: Session, which: ColumnElement[bool]) -> dict[int, Result]:
    """Give the result that counts, by instance id.

    Parameters
    ----------
    which
        A condition on `InstanceRow`.
    """
    query = (
        select(
            ScreeningRow.instance_id,
            ScreeningRow.priority,
            ScreeningRow.preprocessing_version,
            ScreeningRow.screened_at,
            ModelReleaseRow.name,
            FindingRow.probability,
            FindingRow.band,
            FindingRow.operating_point,
        )
        .join(InstanceRow, InstanceRow.instance_id == ScreeningRow.instance_id)
        .join(ModelReleaseRow, ModelReleaseRow.model_release_id == ScreeningRow.model_release_id)
        .join(FindingRow, FindingRow.screening_id == ScreeningRow.screening_id)
        .where(which)
    )
    latest: dict[int, tuple[tuple[Any, ...], Result]] = {}
    for row in session.execute(query):
        # By time, whatever the order they were stored in; within a screening, by weight.
        key = (row.screened_at, row.name, row.preprocessing_version, row.probability)
        if row.instance_id not in latest or key > latest[row.instance_id][0]:
            result = Result(
                row.probability,
                row.band,
                row.operating_point,
                row.priority,
                row.name,
                row.screened_at,
            )
            latest[row.instance_id] = key, result
    return {instance_id: result for instance_id, (_, result) in latest.items()}

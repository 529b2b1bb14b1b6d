"""Which of an instance's screenings counts, decided here alone.

The current release's, where there is one, else the latest; and its most probable finding. This
module must not know what a study makes of it.
"""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from db.studies.state import Result
from db.tables.imaging import FindingRow, InstanceRow, ModelReleaseRow, ScreeningRow


def read_results(session: Session, which: ColumnElement[bool]) -> dict[int, Result]:
    """Give the result that counts of each screened instance, by instance id.

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
            ModelReleaseRow.current_since.is_not(None).label("is_current"),
            FindingRow.probability,
            FindingRow.band,
            FindingRow.operating_point,
        )
        .join(InstanceRow, InstanceRow.instance_id == ScreeningRow.instance_id)
        .join(ModelReleaseRow, ModelReleaseRow.model_release_id == ScreeningRow.model_release_id)
        .join(FindingRow, FindingRow.screening_id == ScreeningRow.screening_id)
        .where(which)
    )
    best: dict[int, tuple[tuple[Any, ...], Result]] = {}
    for row in session.execute(query):
        # By time, whatever the order they were stored in; within a screening, by probability.
        key = (
            row.is_current,
            row.screened_at,
            row.name,
            row.preprocessing_version,
            row.probability,
        )
        if row.instance_id not in best or key > best[row.instance_id][0]:
            result = Result(
                row.probability,
                row.band,
                row.operating_point,
                row.priority,
                row.name,
                row.screened_at,
            )
            best[row.instance_id] = key, result
    return {instance_id: result for instance_id, (_, result) in best.items()}

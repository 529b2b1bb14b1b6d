"""The model releases that have screened here, and which of them is current.

This module must not know how a release is loaded.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session, aliased

from db.connection.dialect import insert_or_ignore
from db.connection.errors import DatabaseError
from db.studies.derivation import lock_studies, recompute_studies
from db.tables.audit import JobRunRow
from db.tables.imaging import InstanceRow, ModelReleaseRow, ScreeningRow
from db.work.jobs import advance_job, begin_job, lock_running_job
from pipeline.codes import JobStatus
from pipeline.release import ModelRelease

RECOUNT_JOB: Final = "recount"
# What a result depends on, by its name in release.json; the rest of it is for people.
_DECISIVE: Final = (
    "architecture",
    "weights_sha256",
    "preprocessing",
    "calibration",
    "operating_points",
    "activation_maxima",
)


def register_release(session: Session, release: ModelRelease) -> None:
    """Note a release before its first screening; again, it changes nothing but words for people.

    Raises
    ------
    DatabaseError
        If the name stands for other weights, preprocessing, calibration or operating points here:
        the history of screenings would no longer say what made them.
    """
    description = json.dumps(asdict(release), sort_keys=True)
    session.execute(
        insert_or_ignore(session, ModelReleaseRow, ModelReleaseRow.name).values(
            name=release.name,
            architecture=release.architecture,
            weights_sha256=release.weights_sha256,
            preprocessing_version=release.preprocessing.version,
            description=description,
        )
    )
    stored = session.scalars(
        select(ModelReleaseRow).where(ModelReleaseRow.name == release.name)
    ).one()
    if stored.description == description:
        return
    differing = _differences(json.loads(stored.description), json.loads(description))
    if differing:
        raise DatabaseError(
            f"the database knows release {release.name} with other {' and '.join(differing)}; "
            f"its weights' sha256 was {stored.weights_sha256[:16]}. Give the new release a name of "
            "its own"
        )
    stored.description = description


def make_current(session: Session, release: str, now: datetime) -> None:
    """Let a registered release decide which results count, from now on.

    Studies that it screened before are brought up to date by `recount_results`.
    """
    current = session.scalars(
        select(ModelReleaseRow.name).where(ModelReleaseRow.current_since.is_not(None))
    ).all()
    if current == [release]:
        return
    # By row, in the order of their ids, as two that do so at once do.
    for row in session.scalars(
        select(ModelReleaseRow)
        .order_by(ModelReleaseRow.model_release_id)
        .with_for_update(key_share=True)
    ):
        row.current_since = now if row.name == release else None
    # A walk that an earlier change began is superseded: the new one walks all of it.
    session.execute(
        update(JobRunRow)
        .where(JobRunRow.job == RECOUNT_JOB, JobRunRow.status == JobStatus.RUNNING)
        .values(status=JobStatus.SUCCEEDED, finished_at=now)
    )
    begin_job(session, RECOUNT_JOB, f"{now:%Y-%m-%dT%H:%M:%S.%f} {release}"[:64], now)


def recount_results(session: Session, now: datetime, limit: int = 500) -> int:
    """Derive studies anew whose counting result may be another since the release changed.

    Returns
    -------
    int
        How many studies were looked at; call again until it is 0.
    """
    run = lock_running_job(session, RECOUNT_JOB)
    if run is None:
        return 0
    after = run.position or 0
    other = aliased(ScreeningRow)
    study_ids = session.scalars(
        select(InstanceRow.study_id)
        .distinct()
        .where(
            InstanceRow.study_id > after,
            exists()
            .where(ScreeningRow.instance_id == InstanceRow.instance_id)
            .where(other.instance_id == InstanceRow.instance_id)
            .where(other.model_release_id != ScreeningRow.model_release_id),
        )
        .order_by(InstanceRow.study_id)
        .limit(limit)
    ).all()
    lock_studies(session, study_ids)
    recompute_studies(session, study_ids)
    run.position = max(study_ids, default=after)
    advance_job(run, len(study_ids), now, is_finished=len(study_ids) < limit)
    return len(study_ids)


def _differences(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Name what differs of what decides a result; an older description may lack some of it."""
    return [
        name.removesuffix("_sha256").replace("_", " ")
        for name in _DECISIVE
        if name in stored and stored[name] != given[name]
    ]

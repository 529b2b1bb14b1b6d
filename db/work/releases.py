"""The model releases that have screened here.

This module must not know how a release is loaded.
"""

import json
from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.connection.errors import DatabaseError
from db.tables.imaging import ModelReleaseRow
from pipeline.release import ModelRelease


def register_release(session: Session, release: ModelRelease) -> None:
    """Note a release before its first screening; again, it changes nothing.

    Raises
    ------
    DatabaseError
        If the name stands for other weights or another preprocessing here: the history of
        screenings would no longer say what made them.
    """
    values = {
        "name": release.name,
        "architecture": release.architecture,
        "weights_sha256": release.weights_sha256,
        "preprocessing_version": release.preprocessing.version,
        "description": json.dumps(asdict(release), sort_keys=True),
    }
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(ModelReleaseRow)
        .values(values)
        .on_conflict_do_nothing(index_elements=[ModelReleaseRow.name])
    )
    stored = session.scalars(
        select(ModelReleaseRow).where(ModelReleaseRow.name == release.name)
    ).one()
    known = stored.weights_sha256, stored.preprocessing_version
    if known != (release.weights_sha256, release.preprocessing.version):
        raise DatabaseError(
            f"the database knows release {release.name} with other weights (sha256 "
            f"{stored.weights_sha256[:16]}); give the new release a name of its own"
        )

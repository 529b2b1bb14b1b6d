"""Finds a study by UID, accession number, or the last digits of a UID.

This module must not know what is then done with it.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.connection.errors import DatabaseError
from db.studies.derivation import lock_studies
from db.tables.imaging import StudyRow


class StudyNotFoundError(DatabaseError):
    """No study, or more than one, goes by the name that was given."""


def resolve_study(session: Session, name: str) -> StudyRow | None:
    """Give the study with this UID, accession number, or last digits of a UID; None if none has.

    Raises
    ------
    StudyNotFoundError
        If more than one does.
    """
    # What an index answers comes before the last digits, which read every row.
    for condition in (
        StudyRow.study_instance_uid == name,
        StudyRow.accession_number == name,
        StudyRow.study_instance_uid.endswith(name, autoescape=True),
    ):
        found = session.scalars(select(StudyRow).where(condition).limit(2)).all()
        if len(found) > 1:
            raise StudyNotFoundError(
                f"more than one study goes by {name}; give the whole Study Instance UID, of "
                f"{found[0].study_instance_uid} for example"
            )
        if found:
            return found[0]
    return None


def lock_study(session: Session, uid: str) -> StudyRow:
    """Give a study by its UID, and keep other writers from it until the transaction ends.

    Raises
    ------
    StudyNotFoundError
        If there is no such study.
    """
    query = select(StudyRow).where(StudyRow.study_instance_uid == uid)
    study = session.scalars(query).one_or_none()
    if study is None:
        raise StudyNotFoundError(
            f"no study has the UID {uid}; `pneumoscreen worklist` lists what there is"
        )
    lock_studies(session, [study.study_id])
    session.refresh(study)
    return study

"""An instance: what a file's header says, in DICOM's terms; and why an instance was rejected.

This module must not know how a file is read, nor what a database is.
"""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import date, time
from typing import Final

from pipeline.codes import FileFormat, Flag, Priority, ReasonCode

DERIVED_UID_ROOT: Final = "2.25."


def derive_uid(sha256: str, role: str) -> str:
    """Derive a UID from a file's digest, for content that carries none.

    Parameters
    ----------
    sha256
        The file's digest, 64 lower-case hexadecimal digits.
    role
        ``study``, ``series`` or ``instance``, so that the three UIDs differ.

    Returns
    -------
    str
        A UID under 2.25 (a UUID as one decimal component), of at most 44 characters; the same
        content always gives the same one.

    References
    ----------
    PS3.5 B.2, UUID derived UID; RFC 9562 section 5.8 (version 8: values made by a custom hash).
    """
    digest = bytearray(hashlib.sha256(f"{role}:{sha256}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80  # version 8
    digest[8] = digest[8] & 0x3F | 0x80  # variant
    return DERIVED_UID_ROOT + str(uuid.UUID(bytes=bytes(digest)).int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One SOP instance as its header describes it, or one PNG or JPEG as its sidecar does.

    Attributes
    ----------
    file_format
        None where the content was not recognised: then only digest and derived UIDs are known.
    patient_age_years
        At the time of the study, from (0010,1010) Patient's Age or from birth and study date.
    anatomic_region, view_code
        Code meanings of (0008,2218) Anatomic Region Sequence and (0054,0220) View Code Sequence.
    """

    sha256: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    file_format: FileFormat | None = None
    sop_class_uid: str | None = None
    transfer_syntax_uid: str | None = None
    modality: str | None = None
    accession_number: str | None = None
    patient_id: str | None = None
    issuer_of_patient_id: str | None = None
    patient_sex: str | None = None
    patient_birth_date: date | None = None
    patient_age_years: float | None = None
    study_date: date | None = None
    study_time: time | None = None
    study_description: str | None = None
    series_description: str | None = None
    protocol_name: str | None = None
    body_part_examined: str | None = None
    anatomic_region: str | None = None
    view_position: str | None = None
    view_code: str | None = None
    presentation_intent_type: str | None = None
    image_type: tuple[str, ...] = ()
    quality_control_image: str | None = None
    burned_in_annotation: str | None = None
    station_name: str | None = None
    institution_name: str | None = None
    requested_procedure_priority: Priority | None = None
    photometric_interpretation: str | None = None
    samples_per_pixel: int | None = None
    number_of_frames: int | None = None
    rows: int | None = None
    columns: int | None = None
    flags: frozenset[Flag] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an instance is not screened.

    ``detail`` is one line for a person: what was found, where, and what was expected. It may quote
    attributes that describe the image, never a patient's name or a file's name.
    """

    reason_code: ReasonCode
    detail: str

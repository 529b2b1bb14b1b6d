"""Describes an instance from header attributes, whether from DICOM or from a sidecar.

This module must not know pydicom, nor how the texts were read.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from pipeline.codes import FileFormat, Flag, Priority, ReasonCode
from pipeline.header.value_representations import (
    DAYS_PER_YEAR,
    LONGEST_UID,
    clean_text,
    is_uid,
    parse_age,
    parse_code_string,
    parse_code_strings,
    parse_count,
    parse_date,
    parse_time,
)
from pipeline.values.instance import Instance, Rejection, derive_uid

KEYWORDS: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "Modality",
    "AccessionNumber",
    "PatientID",
    "IssuerOfPatientID",
    "PatientSex",
    "PatientBirthDate",
    "PatientAge",
    "StudyDate",
    "SeriesDate",
    "AcquisitionDate",
    "ContentDate",
    "StudyTime",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "BodyPartExamined",
    "ViewPosition",
    "PresentationIntentType",
    "ImageType",
    "QualityControlImage",
    "BurnedInAnnotation",
    "StationName",
    "InstitutionName",
    "RequestedProcedurePriority",
    "PhotometricInterpretation",
    "SamplesPerPixel",
    "NumberOfFrames",
    "Rows",
    "Columns",
)
"""The attributes that are read, by DICOM keyword."""
SEQUENCE_KEYWORDS: Final = ("AnatomicRegionSequence", "ViewCodeSequence")
"""The code sequences that are read; the text of each is the meaning of its first code."""

_IDENTIFIERS: Final = ("PatientID", "AccessionNumber", "StudyInstanceUID")
_OTHER_STUDY_DATES: Final = ("AcquisitionDate", "SeriesDate", "ContentDate")
_SEXES: Final = frozenset({"M", "F", "O"})
# Registration desks and de-identifiers enter 1 January 1900 (or 1800) for "not known".
_LAST_PLACEHOLDER_YEAR: Final = 1900
# Patient's Age in years is rounded down, and is often the age at the order, not at the exposure.
_AGE_TOLERANCE_YEARS: Final = 1.5


def describe_instance(
    header: Mapping[str, str],
    *,
    sha256: str,
    file_format: FileFormat | None,
    transfer_syntax_uid: str | None = None,
) -> tuple[Instance, Rejection | None]:
    """Describe an instance by a header's texts; no text makes it fail.

    Parameters
    ----------
    header
        Texts by DICOM keyword (see `KEYWORDS`, `SEQUENCE_KEYWORDS`); backslashes separate values.
    sha256
        The content's digest, from which UIDs are derived that are absent or malformed.

    Returns
    -------
    tuple[Instance, Rejection | None]
        A rejection if a UID is malformed: the instance cannot be identified reliably, and nothing
        malformed may reach the database or a path.

    References
    ----------
    PS3.5 section 6.2 (value representations) and 9.1 (UID encoding).
    """
    texts = {keyword: clean_text(value) for keyword, value in header.items()}
    uids, rejection = _read_uids(texts, sha256)
    birth_date = parse_date(texts.get("PatientBirthDate"))
    study_date = parse_date(texts.get("StudyDate"))
    exposure_date = study_date
    for keyword in _OTHER_STUDY_DATES:
        exposure_date = exposure_date or parse_date(texts.get(keyword))
    age_years, flags = reconcile_age(texts.get("PatientAge"), birth_date, exposure_date)
    if not any(texts.get(keyword) for keyword in _IDENTIFIERS):
        flags |= {Flag.NO_IDENTITY}
    instance = Instance(
        sha256=sha256,
        sop_instance_uid=uids["SOPInstanceUID"],
        series_instance_uid=uids["SeriesInstanceUID"],
        study_instance_uid=uids["StudyInstanceUID"],
        file_format=file_format,
        sop_class_uid=texts.get("SOPClassUID", "")[:LONGEST_UID] or None,
        transfer_syntax_uid=clean_text(transfer_syntax_uid or "")[:LONGEST_UID] or None,
        modality=parse_code_string(texts.get("Modality")),
        accession_number=texts.get("AccessionNumber") or None,
        patient_id=texts.get("PatientID") or None,
        issuer_of_patient_id=texts.get("IssuerOfPatientID") or None,
        patient_sex=_read_sex(texts.get("PatientSex", "")),
        patient_birth_date=birth_date,
        patient_age_years=age_years,
        study_date=study_date,
        study_time=parse_time(texts.get("StudyTime")),
        study_description=texts.get("StudyDescription") or None,
        series_description=texts.get("SeriesDescription") or None,
        protocol_name=texts.get("ProtocolName") or None,
        body_part_examined=parse_code_string(texts.get("BodyPartExamined")),
        anatomic_region=texts.get("AnatomicRegionSequence") or None,
        view_position=parse_code_string(texts.get("ViewPosition")),
        view_code=texts.get("ViewCodeSequence") or None,
        presentation_intent_type=parse_code_string(texts.get("PresentationIntentType")),
        image_type=parse_code_strings(texts.get("ImageType")),
        quality_control_image=parse_code_string(texts.get("QualityControlImage")),
        burned_in_annotation=parse_code_string(texts.get("BurnedInAnnotation")),
        station_name=texts.get("StationName") or None,
        institution_name=texts.get("InstitutionName") or None,
        requested_procedure_priority=_read_priority(texts.get("RequestedProcedurePriority", "")),
        photometric_interpretation=parse_code_string(texts.get("PhotometricInterpretation")),
        samples_per_pixel=parse_count(texts.get("SamplesPerPixel")),
        number_of_frames=parse_count(texts.get("NumberOfFrames")),
        rows=parse_count(texts.get("Rows")),
        columns=parse_count(texts.get("Columns")),
        flags=frozenset(flags),
    )
    return instance, rejection


def reconcile_age(
    patient_age: str | None, birth_date: date | None, exposure_date: date | None
) -> tuple[float | None, set[Flag]]:
    """Return the age in years at exposure, cross-checked between Patient's Age and the dates.

    Where they contradict each other the younger age counts, flagged: one mistyped attribute must
    not make an adult of a child.
    """
    stated = parse_age(patient_age)
    computed: float | None = None
    if birth_date and exposure_date and birth_date.year > _LAST_PLACEHOLDER_YEAR:
        computed = (exposure_date - birth_date).days / DAYS_PER_YEAR
        if computed < 0:
            return stated, {Flag.AGE_INCONSISTENT}
    if stated is None or computed is None:
        return (computed if stated is None else stated), set()
    if abs(stated - computed) > _AGE_TOLERANCE_YEARS:
        return min(stated, computed), {Flag.AGE_INCONSISTENT}
    return computed, set()


def _read_uids(texts: Mapping[str, str], sha256: str) -> tuple[dict[str, str], Rejection | None]:
    """Keep valid UIDs, derive the others from the digest; reject if one is present but invalid."""
    uids = {}
    rejection = None
    for keyword, role, name in (
        ("SOPInstanceUID", "instance", "(0008,0018) SOP Instance UID"),
        ("SeriesInstanceUID", "series", "(0020,000E) Series Instance UID"),
        ("StudyInstanceUID", "study", "(0020,000D) Study Instance UID"),
    ):
        value = texts.get(keyword, "")
        if is_uid(value):
            uids[keyword] = value
            continue
        uids[keyword] = derive_uid(sha256, role)
        if value:
            rejection = Rejection(
                ReasonCode.INVALID_UID,
                f"{name} must be at most 64 digits and dots (PS3.5 9.1); it is not",
            )
    return uids, rejection


def _read_sex(value: str) -> str | None:
    return value[:1].upper() if value[:1].upper() in _SEXES else None


def _read_priority(value: str) -> Priority | None:
    return Priority(value.upper()) if value.upper() in set(Priority) else None

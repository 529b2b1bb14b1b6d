"""Turns a header's texts, keyed by DICOM keyword, into an instance; the same for DICOM and sidecar.

This module must not know pydicom, nor how the texts were read.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Final

from pipeline.codes import FileFormat, Flag, Priority, ReasonCode
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
"""The attributes that are read, by keyword; a sequence's code meaning goes under the sequence's."""
SEQUENCE_KEYWORDS: Final = ("AnatomicRegionSequence", "ViewCodeSequence")

_UID_LONGEST: Final = 64
_TEXT_LONGEST: Final = 256
# Leading zeros in a component break PS3.5 9.1 too, but older equipment writes them, and two such
# UIDs still compare correctly: not worth a child's place in the worklist.
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)*")
_AGE: Final = re.compile(r"([0-9]{1,3}) ?([DWMY]?)")
_DATE: Final = re.compile(r"([0-9]{4})([.-]?)([0-9]{2})\2([0-9]{2})")
_TIME: Final = re.compile(r"([0-9]{2}):?([0-9]{2})?:?([0-9]{2})?(\.[0-9]{1,6})?")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_DAYS_A_YEAR: Final = 365.2425
_YEARS_A_UNIT: Final = {"D": 1 / _DAYS_A_YEAR, "W": 7 / _DAYS_A_YEAR, "M": 1 / 12, "Y": 1.0}
# Registration desks and de-identifiers enter 1 January 1900 (or 1800) for "not known".
_LAST_PLACEHOLDER_YEAR: Final = 1900
# A header's age in years is rounded down, and is often that of the order, not of the exposure.
_AGE_TOLERANCE_YEARS: Final = 1.5


def describe_instance(
    header: Mapping[str, str],
    *,
    sha256: str,
    file_format: FileFormat | None,
    transfer_syntax_uid: str | None = None,
) -> tuple[Instance, Rejection | None]:
    """Make an instance of a header's texts, whatever they hold.

    Parameters
    ----------
    header
        Texts by DICOM keyword (see ``KEYWORDS``); several values are parted by a backslash.
    sha256
        The content's digest: UIDs that are absent or malformed are derived from it.

    Returns
    -------
    tuple[Instance, Rejection | None]
        A rejection if a UID is malformed: such a file contradicts the standard where identity
        is at stake, and nothing malformed may reach a database or a path.

    References
    ----------
    PS3.5 section 6.2 (value representations) and 9.1 (UID encoding).
    """
    texts = {keyword: clean_text(value) for keyword, value in header.items()}
    uids, rejection = _judge_uids(texts, sha256)
    birth_date = parse_date(texts.get("PatientBirthDate"))
    study_date = parse_date(texts.get("StudyDate"))
    exposure_date = study_date or next(
        filter(
            None,
            (parse_date(texts.get(k)) for k in ("AcquisitionDate", "SeriesDate", "ContentDate")),
        ),
        None,
    )
    age_years, flags = reconcile_age(texts.get("PatientAge"), birth_date, exposure_date)
    if not any(texts.get(k) for k in ("PatientID", "AccessionNumber", "StudyInstanceUID")):
        flags |= {Flag.NO_IDENTITY}
    instance = Instance(
        sha256=sha256,
        sop_instance_uid=uids["SOPInstanceUID"],
        series_instance_uid=uids["SeriesInstanceUID"],
        study_instance_uid=uids["StudyInstanceUID"],
        file_format=file_format,
        sop_class_uid=_optional(texts, "SOPClassUID", _UID_LONGEST),
        transfer_syntax_uid=clean_text(transfer_syntax_uid or "")[:_UID_LONGEST] or None,
        modality=_term(texts, "Modality"),
        accession_number=_optional(texts, "AccessionNumber"),
        patient_id=_optional(texts, "PatientID"),
        issuer_of_patient_id=_optional(texts, "IssuerOfPatientID"),
        patient_sex=_sex(texts.get("PatientSex", "")),
        patient_birth_date=birth_date,
        patient_age_years=age_years,
        study_date=study_date,
        study_time=parse_time(texts.get("StudyTime")),
        study_description=_optional(texts, "StudyDescription"),
        series_description=_optional(texts, "SeriesDescription"),
        protocol_name=_optional(texts, "ProtocolName"),
        body_part_examined=_term(texts, "BodyPartExamined"),
        anatomic_region=_optional(texts, "AnatomicRegionSequence"),
        view_position=_term(texts, "ViewPosition"),
        view_code=_optional(texts, "ViewCodeSequence"),
        presentation_intent_type=_term(texts, "PresentationIntentType"),
        image_type=_terms(texts.get("ImageType", "")),
        quality_control_image=_term(texts, "QualityControlImage"),
        burned_in_annotation=_term(texts, "BurnedInAnnotation"),
        station_name=_optional(texts, "StationName"),
        institution_name=_optional(texts, "InstitutionName"),
        requested_procedure_priority=_priority(texts.get("RequestedProcedurePriority", "")),
        photometric_interpretation=_term(texts, "PhotometricInterpretation"),
        samples_per_pixel=parse_count(texts.get("SamplesPerPixel")),
        number_of_frames=parse_count(texts.get("NumberOfFrames")),
        rows=parse_count(texts.get("Rows")),
        columns=parse_count(texts.get("Columns")),
        flags=frozenset(flags),
    )
    return instance, rejection


def clean_text(value: str) -> str:
    """Give one printable line of bounded length: PostgreSQL refuses NUL, terminals obey escapes."""
    shown = (character if character.isprintable() else " " for character in value)
    return " ".join("".join(shown).split())[:_TEXT_LONGEST]


def parse_age(value: str | None) -> float | None:
    """Read an Age String (PS3.5 6.2, AS: ``003Y``, ``018M``), in years; a bare number is years."""
    match = _AGE.fullmatch((value or "").upper())
    if match is None:
        return None
    return int(match[1]) * _YEARS_A_UNIT[match[2] or "Y"]


def parse_date(value: str | None) -> date | None:
    """Read a DA value: ``20240131``, ``2024.01.31`` (ACR-NEMA) or ``2024-01-31`` (sidecars)."""
    match = _DATE.fullmatch(value or "")
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return None


def parse_time(value: str | None) -> time | None:
    """Read a TM value (PS3.5 6.2): ``HH``, ``HHMM``, ``HHMMSS`` with an optional fraction."""
    match = _TIME.fullmatch(value or "")
    if match is None:
        return None
    microseconds = round(float(match[4] or 0) * 1_000_000)
    try:
        return time(int(match[1]), int(match[2] or 0), int(match[3] or 0), microseconds)
    except ValueError:
        return None


def reconcile_age(
    patient_age: str | None, birth_date: date | None, exposure_date: date | None
) -> tuple[float | None, set[Flag]]:
    """Give the age in years from what the header says of it, cross-checked.

    Where Patient's Age and the dates contradict each other the younger age counts, flagged: one
    mistyped field must not take a child for an adult.
    """
    stated = parse_age(patient_age)
    computed: float | None = None
    if birth_date and exposure_date and birth_date.year > _LAST_PLACEHOLDER_YEAR:
        computed = (exposure_date - birth_date).days / _DAYS_A_YEAR
        if computed < 0:
            return stated, {Flag.AGE_INCONSISTENT}
    if stated is None or computed is None:
        return (computed if stated is None else stated), set()
    if abs(stated - computed) > _AGE_TOLERANCE_YEARS:
        return min(stated, computed), {Flag.AGE_INCONSISTENT}
    return computed, set()


def _judge_uids(texts: Mapping[str, str], sha256: str) -> tuple[dict[str, str], Rejection | None]:
    """Keep well-formed UIDs, derive the others; reject where one was there and malformed."""
    uids = {}
    rejection = None
    for keyword, role, name in (
        ("SOPInstanceUID", "instance", "(0008,0018) SOP Instance UID"),
        ("SeriesInstanceUID", "series", "(0020,000E) Series Instance UID"),
        ("StudyInstanceUID", "study", "(0020,000D) Study Instance UID"),
    ):
        value = texts.get(keyword, "")
        if value and len(value) <= _UID_LONGEST and _UID.fullmatch(value):
            uids[keyword] = value
            continue
        uids[keyword] = derive_uid(sha256, role)
        if value:
            rejection = Rejection(
                ReasonCode.INVALID_UID,
                f"{name} must be at most 64 digits and dots (PS3.5 9.1); it is not",
            )
    return uids, rejection


def _optional(texts: Mapping[str, str], keyword: str, longest: int = _TEXT_LONGEST) -> str | None:
    return texts.get(keyword, "")[:longest] or None


def _term(texts: Mapping[str, str], keyword: str) -> str | None:
    """Give a Code String in the form of the standard's defined terms: upper case."""
    return texts.get(keyword, "").upper() or None


def _terms(value: str) -> tuple[str, ...]:
    return tuple(term.strip().upper() for term in value.split("\\")) if value else ()


def parse_count(value: str | None) -> int | None:
    """Read a whole number that is not negative."""
    return int(value) if value and _COUNT.fullmatch(value) else None


def _sex(value: str) -> str | None:
    return value[:1].upper() if value[:1].upper() in {"M", "F", "O"} else None


def _priority(value: str) -> Priority | None:
    return Priority(value.upper()) if value.upper() in set(Priority) else None

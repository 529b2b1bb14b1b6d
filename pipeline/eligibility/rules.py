"""The eligibility ledger: one small function for each rule, each with the words that document it.

This module must not know how a header was read, nor look at a pixel.
"""

from typing import Final

from pipeline.codes import FileFormat, Flag, ReasonCode
from pipeline.eligibility.anatomy import Meaning, names_chest, names_frontal_view
from pipeline.eligibility.policy import PASSED, EligibilityPolicy, Judgement, Rule
from pipeline.values.instance import Instance

RADIOGRAPH_SOP_CLASSES: Final = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.1",  # Computed Radiography
        "1.2.840.10008.5.1.4.1.1.1.1",  # Digital X-Ray, For Presentation
    }
)
DX_FOR_PROCESSING: Final = "1.2.840.10008.5.1.4.1.1.1.1.1"
SECONDARY_CAPTURE_SOP_CLASSES: Final = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture
        "1.2.840.10008.5.1.4.1.1.7.2",  # Multi-frame Grayscale Byte (with one frame)
        "1.2.840.10008.5.1.4.1.1.7.3",  # Multi-frame Grayscale Word (with one frame)
    }
)


def _refuse(reason_code: ReasonCode, detail: str) -> Judgement:
    return Judgement(reason_code, detail)


def _flag(*flags: Flag) -> Judgement:
    return Judgement(flags=frozenset(flags))


def _is_plain_image(instance: Instance) -> bool:
    """PNG and JPEG have no SOP class; what a sidecar says of them is judged all the same."""
    return instance.file_format in {FileFormat.PNG, FileFormat.JPEG}


def _judge_sop_class(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    sop_class = instance.sop_class_uid
    if sop_class in RADIOGRAPH_SOP_CLASSES or (sop_class is None and _is_plain_image(instance)):
        return PASSED
    if sop_class in SECONDARY_CAPTURE_SOP_CLASSES and policy.accept_secondary_capture:
        return _flag(Flag.SECONDARY_CAPTURE)
    if sop_class == DX_FOR_PROCESSING:
        return _refuse(ReasonCode.FOR_PROCESSING, "SOP class is Digital X-Ray For Processing")
    return _refuse(
        ReasonCode.SOP_CLASS_NOT_RADIOGRAPH, f"SOP class {sop_class or 'is absent'}, not CR or DX"
    )


def _judge_presentation_intent(instance: Instance, _: EligibilityPolicy) -> Judgement:
    if instance.presentation_intent_type == "FOR PROCESSING":
        return _refuse(
            ReasonCode.FOR_PROCESSING, "Presentation Intent Type (0008,0068) is FOR PROCESSING"
        )
    return PASSED


def _judge_modality(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    if instance.modality in policy.modalities:
        return PASSED
    if instance.modality is None and _is_plain_image(instance):
        return PASSED
    return _refuse(
        ReasonCode.MODALITY_NOT_RADIOGRAPHY,
        f"Modality (0008,0060) {instance.modality or 'is absent'}, "
        f"not {' or '.join(sorted(policy.modalities))}",
    )


def _judge_quality_control(instance: Instance, _: EligibilityPolicy) -> Judgement:
    if instance.quality_control_image in {"YES", "BOTH"}:
        return _refuse(
            ReasonCode.QUALITY_CONTROL_IMAGE, "Quality Control Image (0028,0300) says so"
        )
    return PASSED


def _judge_body_part(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    for name, text in (
        ("Body Part Examined (0018,0015)", instance.body_part_examined),
        ("Anatomic Region Sequence (0008,2218)", instance.anatomic_region),
        ("Protocol Name (0018,1030)", instance.protocol_name),
        ("Series Description (0008,103E)", instance.series_description),
        ("Study Description (0008,1030)", instance.study_description),
    ):
        meaning = names_chest(text or "")
        if meaning is Meaning.YES:
            return PASSED
        if meaning is Meaning.NO:
            return _refuse(ReasonCode.BODY_PART_NOT_CHEST, f"{name} is {text}, not the chest")
    if policy.accept_unknown_body_part:
        return _flag(Flag.BODY_PART_UNKNOWN)
    return _refuse(ReasonCode.BODY_PART_NOT_CHEST, "no attribute names the body part")


def _judge_view(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    for name, text in (
        ("View Position (0018,5101)", instance.view_position),
        ("View Code Sequence (0054,0220)", instance.view_code),
        ("Series Description (0008,103E)", instance.series_description),
        ("Protocol Name (0018,1030)", instance.protocol_name),
    ):
        meaning = names_frontal_view(text or "")
        if meaning is Meaning.YES:
            return PASSED
        if meaning is Meaning.NO:
            return _refuse(ReasonCode.VIEW_NOT_FRONTAL, f"{name} is {text}, not PA or AP")
    if policy.accept_unknown_view:
        return _flag(Flag.VIEW_UNKNOWN)
    return _refuse(ReasonCode.VIEW_NOT_FRONTAL, "no attribute names the view")


def _judge_age(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    age = instance.patient_age_years
    if age is None:
        if policy.accept_unknown_age:
            return _flag(Flag.AGE_UNKNOWN)
        return _refuse(ReasonCode.AGE_OUT_OF_SCOPE, "the age is not known")
    if not policy.minimum_age_years <= age < policy.maximum_age_years:
        return _refuse(
            ReasonCode.AGE_OUT_OF_SCOPE,
            f"{age:.1f} years, scored from {policy.minimum_age_years:g} "
            f"to under {policy.maximum_age_years:g}",
        )
    if not policy.trained_from_years <= age < policy.trained_below_years:
        return _flag(Flag.AGE_EXTRAPOLATED)
    return PASSED


def _judge_monochrome(instance: Instance, _: EligibilityPolicy) -> Judgement:
    if _is_plain_image(instance):
        return PASSED  # the pixels are asked: a gray image is often stored as RGB
    photometric = instance.photometric_interpretation
    samples = instance.samples_per_pixel
    if photometric in {"MONOCHROME1", "MONOCHROME2"} and samples in {1, None}:
        return PASSED
    return _refuse(
        ReasonCode.NOT_MONOCHROME,
        f"Photometric Interpretation (0028,0004) {photometric or 'is absent'}, "
        f"{samples} samples per pixel",
    )


def _judge_frames(instance: Instance, _: EligibilityPolicy) -> Judgement:
    if (instance.number_of_frames or 1) > 1:
        return _refuse(
            ReasonCode.MULTI_FRAME,
            f"Number of Frames (0028,0008) is {instance.number_of_frames}, not 1",
        )
    return PASSED


def _judge_size(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    rows, columns = instance.rows or 0, instance.columns or 0
    if min(rows, columns) >= policy.minimum_size_px:
        return PASSED
    return _refuse(
        ReasonCode.TOO_SMALL,
        f"{columns} x {rows} px, at least {policy.minimum_size_px} px a side are needed",
    )


def _judge_provenance(instance: Instance, _: EligibilityPolicy) -> Judgement:
    flags = set()
    if instance.burned_in_annotation == "YES":
        flags.add(Flag.BURNED_IN_ANNOTATION)
    if instance.image_type[:1] == ("DERIVED",):
        flags.add(Flag.DERIVED_IMAGE)
    return _flag(*flags)


RULES: Final = (
    Rule(
        "SOP Class UID (0008,0016)",
        "CR and DX For Presentation: scored. Secondary Capture: scored, flagged. DX For "
        "Processing and anything else: refused. PNG and JPEG have none and pass.",
        _judge_sop_class,
        reasons=(
            ReasonCode.SOP_CLASS_NOT_RADIOGRAPH,
            ReasonCode.FOR_PROCESSING,
        ),
        flags=(Flag.SECONDARY_CAPTURE,),
    ),
    Rule(
        "Presentation Intent Type (0008,0068)",
        "FOR PROCESSING: refused.",
        _judge_presentation_intent,
        reasons=(ReasonCode.FOR_PROCESSING,),
    ),
    Rule(
        "Modality (0008,0060)",
        "CR and DX: scored; anything else: refused. PNG and JPEG may have none.",
        _judge_modality,
        reasons=(ReasonCode.MODALITY_NOT_RADIOGRAPHY,),
    ),
    Rule(
        "Quality Control Image (0028,0300)",
        "YES and BOTH: refused.",
        _judge_quality_control,
        reasons=(ReasonCode.QUALITY_CONTROL_IMAGE,),
    ),
    Rule(
        "Photometric Interpretation (0028,0004), Samples per Pixel (0028,0002)",
        "MONOCHROME1 and MONOCHROME2 with one sample: scored; colour: refused. PNG and JPEG: "
        "scored if all channels are the same.",
        _judge_monochrome,
        reasons=(ReasonCode.NOT_MONOCHROME,),
    ),
    Rule(
        "Number of Frames (0028,0008)",
        "One, or absent: scored; more: refused.",
        _judge_frames,
        reasons=(ReasonCode.MULTI_FRAME,),
    ),
    Rule(
        "Body Part Examined (0018,0015); else Anatomic Region Sequence (0008,2218), Protocol Name "
        "(0018,1030), Series (0008,103E) and Study Description (0008,1030)",
        "The first that names a body part decides: the chest is scored, another part refused. "
        "None does: scored, flagged.",
        _judge_body_part,
        reasons=(ReasonCode.BODY_PART_NOT_CHEST,),
        flags=(Flag.BODY_PART_UNKNOWN,),
    ),
    Rule(
        "View Position (0018,5101); else View Code Sequence (0054,0220), Series Description "
        "(0008,103E), Protocol Name (0018,1030)",
        "The first that names a view decides: PA and AP are scored; lateral, oblique, decubitus "
        "and others refused. None does: scored, flagged.",
        _judge_view,
        reasons=(ReasonCode.VIEW_NOT_FRONTAL,),
        flags=(Flag.VIEW_UNKNOWN,),
    ),
    Rule(
        "Patient's Age (0010,1010), Patient's Birth Date (0010,0030), Study Date (0008,0020)",
        "From 0 to under 18 years: scored; outside 1 to 5: flagged as extrapolated; older: "
        "refused. Not known, or contradictory: scored, flagged (the younger age counts).",
        _judge_age,
        reasons=(ReasonCode.AGE_OUT_OF_SCOPE,),
        flags=(
            Flag.AGE_UNKNOWN,
            Flag.AGE_EXTRAPOLATED,
            Flag.AGE_INCONSISTENT,
        ),
    ),
    Rule(
        "Rows (0028,0010), Columns (0028,0011)",
        "At least 128 px a side.",
        _judge_size,
        reasons=(ReasonCode.TOO_SMALL,),
    ),
    Rule(
        "Burned In Annotation (0028,0301), Image Type (0008,0008)",
        "YES, or DERIVED: scored, flagged.",
        _judge_provenance,
        flags=(
            Flag.BURNED_IN_ANNOTATION,
            Flag.DERIVED_IMAGE,
        ),
    ),
)
"""The ledger, in the order in which a refusal is looked for."""

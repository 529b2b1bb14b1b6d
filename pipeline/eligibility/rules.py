"""The eligibility rules: a function for each, and its line in `RULES`, which documents it.

To add a rule, write both. This module must not know how a header was read, nor look at a pixel.
"""

from typing import Final

from pipeline.codes import FileFormat, Flag, ReasonCode
from pipeline.eligibility.anatomy import names_chest, names_frontal_view
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.eligibility.rule import PASSED, Judgement, Rule, add_flags, make_text_rule, refuse
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


def _is_plain_image(instance: Instance) -> bool:
    """PNG and JPEG have no SOP class; what a sidecar says of them is judged all the same."""
    return instance.file_format in {FileFormat.PNG, FileFormat.JPEG}


def _judge_sop_class(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    sop_class = instance.sop_class_uid
    if sop_class in RADIOGRAPH_SOP_CLASSES or (sop_class is None and _is_plain_image(instance)):
        return PASSED
    if sop_class in SECONDARY_CAPTURE_SOP_CLASSES and policy.accept_secondary_capture:
        return add_flags(Flag.SECONDARY_CAPTURE)
    if sop_class == DX_FOR_PROCESSING:
        return refuse(ReasonCode.FOR_PROCESSING, "SOP class is Digital X-Ray For Processing")
    return refuse(
        ReasonCode.SOP_CLASS_NOT_RADIOGRAPH, f"SOP class {sop_class or 'is absent'}, not CR or DX"
    )


def _judge_presentation_intent(instance: Instance, _: EligibilityPolicy) -> Judgement:
    if instance.presentation_intent_type == "FOR PROCESSING":
        return refuse(
            ReasonCode.FOR_PROCESSING, "Presentation Intent Type (0008,0068) is FOR PROCESSING"
        )
    return PASSED


def _judge_modality(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    modality = instance.modality
    if modality in policy.modalities or (modality is None and _is_plain_image(instance)):
        return PASSED
    return refuse(
        ReasonCode.MODALITY_NOT_RADIOGRAPHY,
        f"Modality (0008,0060) {modality or 'is absent'}, "
        f"not {' or '.join(sorted(policy.modalities))}",
    )


def _judge_quality_control(instance: Instance, _: EligibilityPolicy) -> Judgement:
    if instance.quality_control_image in {"YES", "BOTH"}:
        return refuse(ReasonCode.QUALITY_CONTROL_IMAGE, "Quality Control Image (0028,0300) says so")
    return PASSED


def _judge_monochrome(instance: Instance, _: EligibilityPolicy) -> Judgement:
    if _is_plain_image(instance):
        return PASSED  # judged by its pixels when decoded: a gray image is often stored as RGB
    photometric = instance.photometric_interpretation
    samples = instance.samples_per_pixel
    if photometric in {"MONOCHROME1", "MONOCHROME2"} and samples in {1, None}:
        return PASSED
    return refuse(
        ReasonCode.NOT_MONOCHROME,
        f"Photometric Interpretation (0028,0004) {photometric or 'is absent'}, "
        f"{samples} samples per pixel",
    )


def _judge_frames(instance: Instance, _: EligibilityPolicy) -> Judgement:
    if (instance.number_of_frames or 1) > 1:
        return refuse(
            ReasonCode.MULTI_FRAME,
            f"Number of Frames (0028,0008) is {instance.number_of_frames}, not 1",
        )
    return PASSED


def _judge_age(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    age = instance.patient_age_years
    if age is None:
        if policy.accept_unknown_age:
            return add_flags(Flag.AGE_UNKNOWN)
        return refuse(ReasonCode.AGE_OUT_OF_SCOPE, "the age is not known")
    if not policy.minimum_age_years <= age < policy.maximum_age_years:
        return refuse(
            ReasonCode.AGE_OUT_OF_SCOPE,
            f"{age:.1f} years, scored from {policy.minimum_age_years:g} "
            f"to under {policy.maximum_age_years:g}",
        )
    if not policy.trained_from_years <= age < policy.trained_below_years:
        return add_flags(Flag.AGE_EXTRAPOLATED)
    return PASSED


def _judge_size(instance: Instance, policy: EligibilityPolicy) -> Judgement:
    rows, columns = instance.rows or 0, instance.columns or 0
    if min(rows, columns) >= policy.minimum_size_px:
        return PASSED
    return refuse(
        ReasonCode.TOO_SMALL,
        f"{columns} x {rows} px, at least {policy.minimum_size_px} px a side are needed",
    )


def _judge_annotation_and_derivation(instance: Instance, _: EligibilityPolicy) -> Judgement:
    flags = set()
    if instance.burned_in_annotation == "YES":
        flags.add(Flag.BURNED_IN_ANNOTATION)
    if instance.image_type[:1] == ("DERIVED",):
        flags.add(Flag.DERIVED_IMAGE)
    return add_flags(*flags)


_PROTOCOL_NAME: Final = "Protocol Name (0018,1030)"
_SERIES_DESCRIPTION: Final = "Series Description (0008,103E)"
_DEFAULT: Final = EligibilityPolicy()

# In the order in which a refusal is looked for.
RULES: Final = (
    Rule(
        "SOP Class UID (0008,0016)",
        "CR and DX For Presentation: scored. Secondary Capture: flagged, or refused "
        "(`accept_secondary_capture`). DX For Processing and anything else: refused. PNG and JPEG "
        "have none and pass.",
        _judge_sop_class,
        reasons=(ReasonCode.SOP_CLASS_NOT_RADIOGRAPH, ReasonCode.FOR_PROCESSING),
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
        f"{' and '.join(sorted(_DEFAULT.modalities))}: scored; anything else: refused. PNG and "
        "JPEG may have none.",
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
    make_text_rule(
        (
            ("Body Part Examined (0018,0015)", lambda i: i.body_part_examined),
            ("Anatomic Region Sequence (0008,2218)", lambda i: i.anatomic_region),
            (_PROTOCOL_NAME, lambda i: i.protocol_name),
            (_SERIES_DESCRIPTION, lambda i: i.series_description),
            ("Study Description (0008,1030)", lambda i: i.study_description),
        ),
        names_chest,
        says="The first that names a body part decides: the chest is scored, another part refused. "
        "None does: flagged, or refused (`accept_unknown_body_part`).",
        subject="body part",
        expected="the chest",
        reason=ReasonCode.BODY_PART_NOT_CHEST,
        unknown=Flag.BODY_PART_UNKNOWN,
        accepts_unknown=lambda policy: policy.accept_unknown_body_part,
    ),
    make_text_rule(
        (
            ("View Position (0018,5101)", lambda i: i.view_position),
            ("View Code Sequence (0054,0220)", lambda i: i.view_code),
            (_SERIES_DESCRIPTION, lambda i: i.series_description),
            (_PROTOCOL_NAME, lambda i: i.protocol_name),
        ),
        names_frontal_view,
        says="The first that names a view decides: PA and AP are scored; lateral, oblique, "
        "decubitus and others refused. None does: flagged, or refused (`accept_unknown_view`).",
        subject="view",
        expected="PA or AP",
        reason=ReasonCode.VIEW_NOT_FRONTAL,
        unknown=Flag.VIEW_UNKNOWN,
        accepts_unknown=lambda policy: policy.accept_unknown_view,
    ),
    Rule(
        "Patient's Age (0010,1010), Patient's Birth Date (0010,0030), Study Date (0008,0020)",
        f"From {_DEFAULT.minimum_age_years:g} to under {_DEFAULT.maximum_age_years:g} years: "
        f"scored; outside {_DEFAULT.trained_from_years:g} to {_DEFAULT.trained_below_years - 1:g}: "
        "flagged as extrapolated; older: refused. Not known: flagged, or refused "
        "(`accept_unknown_age`). Contradictory: flagged, the younger age counts.",
        _judge_age,
        reasons=(ReasonCode.AGE_OUT_OF_SCOPE,),
        flags=(Flag.AGE_UNKNOWN, Flag.AGE_EXTRAPOLATED, Flag.AGE_INCONSISTENT),
    ),
    Rule(
        "Rows (0028,0010), Columns (0028,0011)",
        f"At least {_DEFAULT.minimum_size_px} px a side.",
        _judge_size,
        reasons=(ReasonCode.TOO_SMALL,),
    ),
    Rule(
        "Burned In Annotation (0028,0301), Image Type (0008,0008)",
        "YES, or DERIVED: scored, flagged.",
        _judge_annotation_and_derivation,
        flags=(Flag.BURNED_IN_ANNOTATION, Flag.DERIVED_IMAGE),
    ),
)

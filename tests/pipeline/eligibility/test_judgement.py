from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codes import FileFormat, Flag, ReasonCode
from pipeline.eligibility.judgement import explain_eligibility, judge_eligibility
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.eligibility.rules import RULES
from pipeline.values.instance import Instance

POLICY = EligibilityPolicy()
CHILD = Instance(
    sha256="0" * 64,
    sop_instance_uid="2.25.1",
    series_instance_uid="2.25.2",
    study_instance_uid="2.25.3",
    file_format=FileFormat.DICOM,
    sop_class_uid="1.2.840.10008.5.1.4.1.1.1",
    modality="CR",
    patient_age_years=3.0,
    body_part_examined="CHEST",
    view_position="AP",
    photometric_interpretation="MONOCHROME2",
    samples_per_pixel=1,
    rows=1024,
    columns=1024,
)
PLAIN = replace(
    CHILD,
    file_format=FileFormat.PNG,
    sop_class_uid=None,
    modality=None,
    photometric_interpretation=None,
    samples_per_pixel=None,
)


def reason(instance, policy=POLICY):
    rejection = judge_eligibility(instance, policy).rejection
    return rejection and rejection.reason_code


def flags(instance, policy=POLICY):
    return set(judge_eligibility(instance, policy).flags)


def test_a_childs_frontal_chest_passes_without_flags():
    assert judge_eligibility(CHILD, POLICY).rejection is None
    assert flags(CHILD) == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.2"}, ReasonCode.SOP_CLASS_NOT_RADIOGRAPH),
        ({"sop_class_uid": None}, ReasonCode.SOP_CLASS_NOT_RADIOGRAPH),
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.1.1.1"}, ReasonCode.FOR_PROCESSING),
        ({"presentation_intent_type": "FOR PROCESSING"}, ReasonCode.FOR_PROCESSING),
        ({"modality": "MG"}, ReasonCode.MODALITY_NOT_RADIOGRAPHY),
        ({"modality": None}, ReasonCode.MODALITY_NOT_RADIOGRAPHY),
        ({"quality_control_image": "YES"}, ReasonCode.QUALITY_CONTROL_IMAGE),
        ({"photometric_interpretation": "RGB"}, ReasonCode.NOT_MONOCHROME),
        ({"samples_per_pixel": 3}, ReasonCode.NOT_MONOCHROME),
        ({"number_of_frames": 2}, ReasonCode.MULTI_FRAME),
        ({"body_part_examined": "HIP"}, ReasonCode.BODY_PART_NOT_CHEST),
        ({"body_part_examined": None, "anatomic_region": "Skull"}, ReasonCode.BODY_PART_NOT_CHEST),
        ({"view_position": "LL"}, ReasonCode.VIEW_NOT_FRONTAL),
        ({"view_position": None, "view_code": "lateral"}, ReasonCode.VIEW_NOT_FRONTAL),
        ({"patient_age_years": 18.0}, ReasonCode.AGE_OUT_OF_SCOPE),
        ({"rows": 100}, ReasonCode.TOO_SMALL),
        ({"rows": None}, ReasonCode.TOO_SMALL),
    ],
)
def test_refuses_with_the_reason(change, expected):
    assert reason(replace(CHILD, **change)) is expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.7"}, {Flag.SECONDARY_CAPTURE}),
        ({"body_part_examined": None}, {Flag.BODY_PART_UNKNOWN}),
        ({"body_part_examined": None, "study_description": "Thorax"}, set()),
        ({"view_position": ""}, {Flag.VIEW_UNKNOWN}),
        ({"view_position": None, "view_code": "postero-anterior"}, set()),
        ({"patient_age_years": None}, {Flag.AGE_UNKNOWN}),
        ({"patient_age_years": 0.9}, {Flag.AGE_EXTRAPOLATED}),
        ({"patient_age_years": 5.99}, set()),
        ({"patient_age_years": 6.0}, {Flag.AGE_EXTRAPOLATED}),
        ({"burned_in_annotation": "YES"}, {Flag.BURNED_IN_ANNOTATION}),
        ({"image_type": ("DERIVED", "PRIMARY")}, {Flag.DERIVED_IMAGE}),
        ({"number_of_frames": 1}, set()),
    ],
)
def test_scores_and_flags(change, expected):
    instance = replace(CHILD, **change)
    assert reason(instance) is None
    assert flags(instance) == expected


def test_a_plain_image_needs_no_sop_class_nor_modality():
    assert reason(PLAIN) is None


def test_a_sidecar_is_believed_where_it_speaks():
    assert reason(replace(PLAIN, modality="CT")) is ReasonCode.MODALITY_NOT_RADIOGRAPHY
    assert reason(replace(PLAIN, view_position="LATERAL")) is ReasonCode.VIEW_NOT_FRONTAL


@pytest.mark.parametrize(
    ("policy", "change", "expected"),
    [
        ({"accept_unknown_age": False}, {"patient_age_years": None}, ReasonCode.AGE_OUT_OF_SCOPE),
        ({"accept_unknown_view": False}, {"view_position": None}, ReasonCode.VIEW_NOT_FRONTAL),
        ({"maximum_age_years": 120.0}, {"patient_age_years": 45.0}, None),
        ({"modalities": frozenset({"RG"})}, {}, ReasonCode.MODALITY_NOT_RADIOGRAPHY),
        ({"minimum_size_px": 2000}, {}, ReasonCode.TOO_SMALL),
    ],
)
def test_obeys_the_sites_policy(policy, change, expected):
    assert reason(replace(CHILD, **change), EligibilityPolicy(**policy)) is expected


def test_refused_instances_keep_the_flags_of_all_rules():
    refused = replace(CHILD, view_position="LL", patient_age_years=None)
    assert judge_eligibility(refused, POLICY).flags == {Flag.AGE_UNKNOWN}


def test_the_ledger_explains_every_rule():
    ledger = explain_eligibility(replace(CHILD, patient_age_years=40.0), POLICY)
    assert [rule for rule, _ in ledger] == list(RULES)
    assert [judgement.reason_code for _, judgement in ledger if judgement.reason_code] == [
        ReasonCode.AGE_OUT_OF_SCOPE
    ]


@given(st.floats(min_value=0, max_value=130))
def test_every_age_is_scored_or_refused_with_its_number(age):
    rejection = judge_eligibility(replace(CHILD, patient_age_years=age), POLICY).rejection
    assert (rejection is None) == (age < 18)
    assert rejection is None or f"{age:.1f}" in rejection.detail


@given(
    st.builds(
        replace,
        st.just(CHILD),
        sop_class_uid=st.sampled_from([CHILD.sop_class_uid, "1.2.3", None]),
        modality=st.sampled_from(["CR", "MR", None]),
        body_part_examined=st.sampled_from(["CHEST", "HIP", "", None]),
        view_position=st.sampled_from(["PA", "LL", "", None]),
        patient_age_years=st.none() | st.floats(0, 100),
        number_of_frames=st.none() | st.integers(0, 3),
        rows=st.none() | st.integers(0, 4000),
    )
)
def test_a_rule_gives_only_what_its_line_of_the_ledger_says(instance):
    for rule, judgement in explain_eligibility(instance, POLICY):
        assert judgement.reason_code in {None, *rule.reasons}
        assert judgement.flags <= set(rule.flags)

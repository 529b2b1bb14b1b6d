from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codes import FileFormat, Flag, Priority, ReasonCode
from pipeline.header.attributes import describe_instance, reconcile_age
from pipeline.values.instance import derive_uid

DIGEST = "a" * 64


def describe(**header: str):
    return describe_instance(header, sha256=DIGEST, file_format=FileFormat.DICOM)


def test_computes_the_age_from_the_dates():
    age, flags = reconcile_age(None, date(2020, 3, 1), date(2023, 3, 1))
    assert age == pytest.approx(3.0, abs=0.01)
    assert flags == set()


def test_counts_the_younger_age_where_header_and_dates_disagree():
    assert reconcile_age("045Y", date(2020, 3, 1), date(2023, 3, 1)) == (
        pytest.approx(3.0, abs=0.01),
        {Flag.AGE_INCONSISTENT},
    )


def test_ignores_a_placeholder_birth_date():
    assert reconcile_age("004Y", date(1900, 1, 1), date(2023, 3, 1)) == (4.0, set())


def test_flags_a_birth_after_the_exposure():
    assert reconcile_age(None, date(2024, 1, 1), date(1901, 1, 1)) == (
        None,
        {Flag.AGE_INCONSISTENT},
    )


def test_derives_absent_uids_from_the_digest():
    instance, rejection = describe(PatientID="P1")
    assert rejection is None
    assert instance.sop_instance_uid == derive_uid(DIGEST, "instance")
    assert instance.study_instance_uid == derive_uid(DIGEST, "study")
    assert Flag.NO_IDENTITY not in instance.flags


@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.x", "1..2", "1" * 65, ".77", "1.2."])
def test_rejects_a_malformed_uid_and_keeps_it_out(uid):
    instance, rejection = describe(StudyInstanceUID=uid)
    assert rejection is not None
    assert rejection.reason_code is ReasonCode.INVALID_UID
    assert instance.study_instance_uid == derive_uid(DIGEST, "study")
    assert uid not in rejection.detail


def test_tolerates_leading_zeros_in_a_uid():
    instance, rejection = describe(StudyInstanceUID="1.2.03.4")
    assert rejection is None
    assert instance.study_instance_uid == "1.2.03.4"


def test_flags_an_instance_without_identity():
    assert Flag.NO_IDENTITY in describe()[0].flags
    assert Flag.NO_IDENTITY not in describe(AccessionNumber="A1")[0].flags


def test_reads_terms_in_upper_case_and_several_values():
    instance, _ = describe(
        Modality="cr ", ImageType="derived \\SECONDARY", RequestedProcedurePriority="stat"
    )
    assert instance.modality == "CR"
    assert instance.image_type == ("DERIVED", "SECONDARY")
    assert instance.requested_procedure_priority is Priority.STAT


@given(
    st.dictionaries(st.sampled_from(["PatientAge", "Rows", "StudyDate", "StudyTime"]), st.text())
)
def test_describes_whatever_the_texts_hold(header):
    instance, rejection = describe(**header)
    assert instance.sha256 == DIGEST
    assert rejection is None

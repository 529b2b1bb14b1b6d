from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codes import FileFormat, Flag, Priority, ReasonCode
from pipeline.header.attributes import (
    clean_text,
    describe_instance,
    parse_age,
    parse_date,
    parse_time,
    reconcile_age,
)
from pipeline.values.instance import derive_uid

DIGEST = "a" * 64


def describe(**header: str):
    return describe_instance(header, sha256=DIGEST, file_format=FileFormat.DICOM)


@pytest.mark.parametrize(
    ("text", "years"),
    [("003Y", 3.0), ("018M", 1.5), ("000D", 0.0), ("77", 77.0), ("9y", 9.0), ("018Y", 18.0)],
)
def test_reads_age_strings_exactly(text, years):
    assert parse_age(text) == years


@pytest.mark.parametrize("text", [None, "", "ABC", "3.5Y", "-03Y", "1234Y", "003X"])
def test_takes_a_malformed_age_for_unknown(text):
    assert parse_age(text) is None


def test_reads_dates_of_all_generations():
    expected = date(2024, 1, 31)
    assert {parse_date(t) for t in ("20240131", "2024.01.31", "2024-01-31")} == {expected}
    assert parse_date("20240231") is None
    assert parse_date("d14a028c2a3a2bc9") is None


def test_reads_partial_times():
    assert parse_time("09") == time(9)
    assert parse_time("0930") == time(9, 30)
    assert parse_time("093015.25") == time(9, 30, 15, 250_000)
    assert parse_time("2500") is None


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


def test_flags_an_instance_of_nobody():
    assert Flag.NO_IDENTITY in describe()[0].flags
    assert Flag.NO_IDENTITY not in describe(AccessionNumber="A1")[0].flags


def test_reads_terms_in_upper_case_and_several_values():
    instance, _ = describe(
        Modality="cr ", ImageType="derived \\SECONDARY", RequestedProcedurePriority="stat"
    )
    assert instance.modality == "CR"
    assert instance.image_type == ("DERIVED", "SECONDARY")
    assert instance.requested_procedure_priority is Priority.STAT


@given(st.text(max_size=600))
def test_cleaned_text_is_one_bounded_printable_line(text):
    cleaned = clean_text(text)
    assert len(cleaned) <= 256
    assert cleaned.isprintable()
    assert clean_text(cleaned) == cleaned.strip()


@given(
    st.dictionaries(st.sampled_from(["PatientAge", "Rows", "StudyDate", "StudyTime"]), st.text())
)
def test_describes_whatever_the_texts_hold(header):
    instance, rejection = describe(**header)
    assert instance.sha256 == DIGEST
    assert rejection is None

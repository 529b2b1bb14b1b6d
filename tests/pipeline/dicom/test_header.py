from io import BytesIO

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from pipeline.dicom.dataset import looks_like_dicom, parse_dicom, pydicom_muted
from pipeline.dicom.header import read_count, read_instance, read_text
from pipeline.dicom.transfer_syntaxes import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from pipeline.errors import RejectedInputError
from pipeline.header.attributes import KEYWORDS
from pipeline.header.value_representations import clean_text


def read_slowly(dataset, keyword):
    """Read as pydicom converts."""
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001 - hostile bytes raise anything
        return ""
    if isinstance(value, pydicom.multival.MultiValue):
        return "\\".join(map(str, value))
    return "" if value is None else str(value)


def raw_element(keyword, vr, value):
    tag = Tag(keyword)
    dataset = Dataset()
    dataset[tag] = RawDataElement(tag, vr, len(value), value, 0, vr is None, is_little_endian=True)
    return dataset


@pytest.mark.parametrize(
    "syntax", [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN]
)
def test_reads_numbers_and_texts_in_every_encoding(make_dicom, syntax):
    content = make_dicom(syntax=syntax, WindowCenter=["2048.5", "100"], Rows=144)
    dataset = parse_dicom(content, 1 << 20).dataset
    assert read_text(dataset, "WindowCenter") == "2048.5\\100"
    assert read_count(dataset, "Rows") == 144
    assert read_text(dataset, "SOPInstanceUID") == "2.25.101"
    assert read_text(dataset, "ViewPosition") == "AP"
    assert read_text(dataset, "WindowWidth") == ""


@pytest.mark.parametrize(
    ("charset", "name"), [("ISO_IR 100", "Kinderröntgen"), ("ISO 2022 IR 87", "胸部X線")]
)
def test_reads_other_alphabets(make_dicom, charset, name):
    content = make_dicom(SpecificCharacterSet=["", charset][-2:], StudyDescription=name)
    instance, _ = read_instance(parse_dicom(content, 1 << 20), "0" * 64)
    assert instance.study_description == name


@given(
    st.sampled_from(["StudyDescription", "ViewPosition", "PatientAge", "StudyDate", "Rows"]),
    st.sampled_from([None, "CS", "LO", "SH", "AS", "DA", "UI", "US", "DS", "IS", "UN", "OB"]),
    st.binary(max_size=20),
)
def test_reads_what_pydicom_reads_whatever_the_bytes(keyword, vr, value):
    with pydicom_muted():
        read = read_text(raw_element(keyword, vr, value), keyword)
        expected = read_slowly(raw_element(keyword, vr, value), keyword)
    if vr in {"DS", "DA"} and not expected:
        return  # what is no number (or date) at all pydicom refuses here, the caller later
    # Only where spaces stand between several values may differ.
    assert clean_text(read.replace(" ", "")) == clean_text(expected.replace(" ", ""))


@pytest.mark.data
def test_reads_what_pydicom_reads_of_every_real_file(data_folder):
    files = 0
    for path in sorted((data_folder / "dicom").glob("*/*.dcm")):
        content = path.read_bytes()
        if not looks_like_dicom(content):
            continue
        try:
            dataset = parse_dicom(content, 1 << 28).dataset
        except RejectedInputError:
            continue
        with pydicom_muted():
            read = {keyword: clean_text(read_text(dataset, keyword)) for keyword in KEYWORDS}
            slow = pydicom.dcmread(BytesIO(content), force=True, stop_before_pixels=True)
            expected = {keyword: clean_text(read_slowly(slow, keyword)) for keyword in KEYWORDS}
        assert read == expected, path.name
        files += 1
    assert files > 250

import struct
import zlib

import pytest
from pydicom.dataset import Dataset

from pipeline.codes import ReasonCode
from pipeline.dicom.dataset import looks_like_dicom, parse_dicom
from pipeline.dicom.header import read_instance
from pipeline.dicom.transfer_syntaxes import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    TRANSFER_SYNTAXES,
)
from pipeline.errors import RejectedInputError

BOUND = 1 << 20


def describe(content):
    instance, rejection = read_instance(parse_dicom(content, BOUND), "0" * 64)
    assert rejection is None
    return instance


@pytest.mark.parametrize("syntax", [s for s in TRANSFER_SYNTAXES if s.codec is None])
def test_reads_headers_in_every_encoding(make_dicom, syntax):
    content = make_dicom(syntax=syntax)
    assert looks_like_dicom(content)
    instance = describe(content)
    assert instance.transfer_syntax_uid == syntax.uid
    assert (instance.patient_id, instance.modality, instance.rows) == ("P1", "CR", 144)
    assert instance.patient_age_years == 3.0


@pytest.mark.parametrize(
    "syntax", [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN]
)
def test_reads_a_dataset_without_preamble_and_file_meta(make_dicom, syntax):
    content = make_dicom(syntax=syntax)
    (meta_length,) = struct.unpack_from("<I", content, 140)
    headerless = content[144 + meta_length :]
    assert looks_like_dicom(headerless)
    assert describe(headerless).transfer_syntax_uid == syntax.uid
    assert describe(headerless).patient_id == "P1"


def test_reads_file_meta_without_a_preamble(make_dicom):
    assert describe(make_dicom()[132:]).patient_id == "P1"


def test_stops_before_the_pixels(make_dicom):
    file = parse_dicom(make_dicom(), BOUND)
    assert "PixelData" not in file.dataset
    assert file.content[file.pixel_data_at :][:4] == b"\xe0\x7f\x10\x00"


def test_bounds_what_a_deflated_dataset_unpacks_to(make_dicom):
    content = make_dicom(syntax=DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
    (meta_length,) = struct.unpack_from("<I", content, 140)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = content[: 144 + meta_length] + deflater.compress(bytes(64 * BOUND)) + deflater.flush()
    with pytest.raises(RejectedInputError) as refused:
        parse_dicom(bomb, BOUND)
    assert refused.value.reason_code is ReasonCode.TOO_LARGE


def test_refuses_sequences_nested_too_deep(make_dicom):
    content = make_dicom()
    (meta_length,) = struct.unpack_from("<I", content, 140)
    # Undefined-length sequences of undefined-length items, (0008,1140), without an end.
    opening = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    nested = content[: 144 + meta_length] + opening * 50_000
    with pytest.raises(RejectedInputError) as refused:
        parse_dicom(nested, BOUND)
    assert refused.value.reason_code is ReasonCode.HEADER_UNREADABLE


@pytest.mark.parametrize(
    "content",
    [b"", b"DICM", b"hello, this is text", b"\x00" * 7, b"%PDF-1.7\n%\xe2\xe3", b"MZ" * 90],
)
def test_does_not_take_other_things_for_dicom(content):
    assert not looks_like_dicom(content)


def test_reads_what_is_left_of_a_header_cut_short(make_dicom):
    content = make_dicom()
    cut = content.index(b"\x28\x00\x10\x00")  # at Rows
    instance = describe(content[:cut])
    assert instance.patient_id == "P1"
    assert instance.rows is None


@pytest.mark.parametrize(
    ("code", "meaning", "expected"),
    [
        ("399067008", "Seitlich", "lateral"),
        ("R-10206", "", "antero-posterior"),
        ("X-1", "latéral gauche", "latéral gauche"),
    ],
)
def test_knows_the_views_codes_in_any_language(make_dicom, code, meaning, expected):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", meaning
    content = make_dicom(SpecificCharacterSet="ISO_IR 100", ViewCodeSequence=[item])
    assert describe(content).view_code == expected


def test_values_that_break_the_standard_count_as_absent(make_dicom):
    content = make_dicom(ViewPosition="AP").replace(b"003Y", b"0.3Y")
    instance = describe(content)
    assert instance.patient_age_years is None
    assert instance.view_position == "AP"


def test_reads_what_is_left_of_a_deflated_dataset_cut_short(make_dicom):
    content = make_dicom(syntax=DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
    assert describe(content[:-200]).patient_id == "P1"

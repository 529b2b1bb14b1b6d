import hashlib
import json
import os
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image

from pipeline.codes import FileFormat, Flag, ReasonCode
from pipeline.dicom.transfer_syntaxes import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.framing.preprocessing import Preprocessing
from pipeline.reading import inspect_file, read_model_input
from pipeline.values.instance import derive_uid
from pipeline.values.reading import ReadingLimits

LIMITS = ReadingLimits()


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(path, sha256=None, limits=LIMITS, policy=None, preprocessing=None):
    return read_model_input(
        path,
        sha256 or digest(path),
        limits,
        policy or EligibilityPolicy(),
        preprocessing or Preprocessing(),
    )


def png(pixels):
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def gray(levels):
    return np.rint(levels * 255).astype(np.uint8)


def test_reads_a_radiograph_to_what_the_network_sees(make_dicom, write):
    path = write("a.dcm", make_dicom(PatientAge="009Y"))
    reading = read(path)
    assert reading.rejection is None
    assert reading.model_input.pixels.shape == (128, 128)
    assert reading.model_input.flags == {Flag.AGE_EXTRAPOLATED, Flag.WINDOW_FALLBACK}
    assert reading.instance == inspect_file(os.fsencode(path), LIMITS).instance


def test_the_same_radiograph_reads_alike_as_dicom_and_png(make_dicom, write, gray):
    as_dicom = read(write("a.dcm", make_dicom(gray))).model_input.pixels
    as_png = read(write("b.png", png(gray))).model_input.pixels
    np.testing.assert_array_equal(as_dicom, as_png)


def test_quality_is_judged_on_the_whole_although_the_network_sees_the_lungs(write, gray):
    path = write("a.png", png(np.pad(gray, 30, mode="edge")))
    whole, lungs = read(path), read(path, preprocessing=Preprocessing(crop_to_lungs=True))
    assert lungs.model_input.field_of_view.method == "lung_field"
    assert not np.array_equal(lungs.model_input.pixels, whole.model_input.pixels)
    assert lungs.model_input.flags == whole.model_input.flags


def test_a_photograph_on_its_side_reads_as_if_it_were_upright(write, gray):
    gray = np.pad(gray, ((0, 0), (20, 0)))  # a border that stands on the left, once upright
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = 6  # to be turned clockwise by a quarter
    buffer = BytesIO()
    Image.fromarray(np.rot90(gray)).save(buffer, "PNG", exif=tags)
    turned, upright = read(write("a.png", buffer.getvalue())), read(write("b.png", png(gray)))
    assert (turned.instance.rows, turned.instance.columns) == gray.shape
    assert turned.model_input.field_of_view == upright.model_input.field_of_view
    assert turned.model_input.field_of_view.left_px == pytest.approx(20, abs=2)
    np.testing.assert_array_equal(turned.model_input.pixels, upright.model_input.pixels)


def test_recognises_content_whatever_the_name(make_dicom, write, gray):
    assert inspect_file(write("a.png", make_dicom()), LIMITS).instance.file_format == "DICOM"
    assert inspect_file(write("b.dcm", png(gray)), LIMITS).instance.file_format == "PNG"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ReasonCode.EMPTY_FILE),
        (b"just a text", ReasonCode.NOT_AN_IMAGE),
        (b"\x89PNG\r\n\x1a\n", ReasonCode.HEADER_UNREADABLE),
        (b"\xff\xd8\xff\xe0", ReasonCode.HEADER_UNREADABLE),
        (bytes(128) + b"DICM", ReasonCode.HEADER_UNREADABLE),
    ],
)
def test_content_without_a_header_has_an_instance_and_a_reason(write, content, expected):
    path = write("a.dcm", content)
    inspection = inspect_file(path, LIMITS)
    assert inspection.rejection.reason_code is expected
    assert inspection.instance.sop_instance_uid == derive_uid(digest(path), "instance")
    assert inspection.instance.flags == {Flag.NO_IDENTITY}
    assert read(path).rejection == inspection.rejection


def test_eligibility_comes_before_decoding(make_dicom, write):
    path = write("a.dcm", make_dicom(ViewPosition="LL")[:-5000])
    assert read(path).rejection.reason_code is ReasonCode.VIEW_NOT_FRONTAL
    assert inspect_file(path, LIMITS).rejection is None


def test_obeys_the_policy(make_dicom, write):
    path = write("a.dcm", make_dicom(PatientAge="045Y"))
    assert read(path).rejection.reason_code is ReasonCode.AGE_OUT_OF_SCOPE
    assert read(path, policy=EligibilityPolicy(maximum_age_years=99)).rejection is None


def test_notices_that_the_file_changed_since_it_was_registered(make_dicom, write):
    path = write("a.dcm", make_dicom())
    registered = digest(path)
    path.write_bytes(make_dicom(PatientID="P2"))
    reading = read(path, registered)
    assert reading.rejection.reason_code is ReasonCode.SOURCE_CHANGED
    assert reading.instance.sha256 == registered


def test_an_image_of_one_gray_level_is_refused(make_dicom, write):
    path = write("a.dcm", make_dicom(np.full((200, 200), 7, np.uint16)))
    assert read(path).rejection.reason_code is ReasonCode.NO_CONTRAST


def test_limits_are_checked_before_decoding(make_dicom, write):
    path = write("a.dcm", make_dicom())
    small = replace(LIMITS, file_bytes=1000)
    inspection = inspect_file(path, small)
    assert inspection.rejection.reason_code is ReasonCode.TOO_LARGE
    assert inspection.instance.sha256 == digest(path)
    assert read(path, limits=replace(LIMITS, pixels=100)).rejection.reason_code is (
        ReasonCode.TOO_LARGE
    )


def test_no_path_from_a_header_is_used(make_dicom, write):
    path = write("a.dcm", make_dicom().replace(b"2.25.103", b"../../xx"))
    inspection = inspect_file(path, LIMITS)
    assert inspection.rejection.reason_code is ReasonCode.INVALID_UID
    assert inspection.instance.study_instance_uid.startswith("2.25.")


def test_rejections_never_name_the_patient_or_the_file(make_dicom, write):
    for number, attributes in enumerate(
        ({"ViewPosition": "LL"}, {"Rows": 500}, {"Modality": "MR"}, {"PatientAge": "050Y"})
    ):
        detail = read(write(f"doe-{number}.dcm", make_dicom(**attributes))).rejection.detail
        assert "SECRET" not in detail
        assert "doe" not in detail


def test_a_plain_image_without_a_sidecar_has_no_identity(write, gray):
    path = write("a.png", png(gray))
    reading = read(path)
    assert reading.instance.file_format is FileFormat.PNG
    assert reading.instance.study_instance_uid == derive_uid(digest(path), "study")
    assert Flag.NO_IDENTITY in reading.model_input.flags


def test_a_sidecar_gives_a_plain_image_its_identity(write, gray):
    path = write("a.b.png", png(gray))
    sidecar = {"PatientID": "42", "StudyInstanceUID": "1.2.3", "PatientAge": "003Y"}
    write("a.b.json", json.dumps(sidecar).encode())
    reading = read(path)
    assert reading.instance.study_instance_uid == "1.2.3"
    assert reading.model_input.flags == {Flag.BODY_PART_UNKNOWN, Flag.VIEW_UNKNOWN}


@pytest.mark.parametrize("content", [b"{", b"[]", b" " * 100_000])
def test_a_broken_sidecar_quarantines_its_image(write, gray, content):
    path = write("a.png", png(gray))
    write("a.json", content)
    assert read(path).rejection.reason_code is ReasonCode.SIDECAR_INVALID


def test_a_deflate_bomb_costs_bounded_memory(make_dicom, write):
    content = make_dicom(syntax=DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
    (meta_length,) = struct.unpack_from("<I", content, 140)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = content[: 144 + meta_length] + deflater.compress(bytes(96 << 20)) + deflater.flush()
    small = replace(LIMITS, pixels=1000)
    inspection = inspect_file(write("a.dcm", bomb), small)
    assert inspection.rejection.reason_code is ReasonCode.TOO_LARGE


def test_importing_the_reader_does_not_import_a_network():
    heavy = "{'tensorflow', 'keras', 'sqlalchemy', 'scipy'}"
    script = f"import sys, pipeline.reading; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_a_reader_out_of_memory_says_so(make_dicom, write, monkeypatch):
    def exhaust(*_arguments):
        raise MemoryError

    path = write("a.dcm", make_dicom())
    monkeypatch.setattr("pipeline.reading.decode_radiograph", exhaust)
    assert read(path).rejection.reason_code is ReasonCode.READER_MEMORY
    monkeypatch.setattr("pipeline.reading.parse_dicom", exhaust)
    assert inspect_file(path, LIMITS).rejection.reason_code is ReasonCode.READER_MEMORY


def test_an_inverted_chest_is_read_and_flagged(make_dicom, write, levels):
    inverted = np.rint((1 - levels) * 4095).astype(np.uint16)
    reading = read(write("a.dcm", make_dicom(inverted, WindowCenter=2048, WindowWidth=4096)))
    assert reading.model_input.flags >= {Flag.POLARITY_SUSPECT}

"""Real files: each gives pixels or a reason; gray levels are those of pydicom and DCMTK."""

import hashlib
import os
import shutil
import subprocess
import warnings
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

import pipeline.grayscale.stored_pixels
from pipeline.codes import Flag, ReasonCode
from pipeline.dicom.dataset import looks_like_dicom, parse_dicom
from pipeline.dicom.header import read_instance
from pipeline.dicom.radiograph import decode_radiograph
from pipeline.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.errors import RejectedInputError
from pipeline.framing.preprocessing import Preprocessing
from pipeline.reading import inspect_file, read_model_input
from pipeline.values.reading import ReadingLimits

pytestmark = pytest.mark.data

LIMITS = ReadingLimits()
# Larger ones were compared once, by hand, with the same result; here they cost two minutes.
LARGEST_COMPARED = int(os.environ.get("PNEUMOSCREEN_TEST_LARGEST_COMPARED", "1_100_000"))


def files_of(folder):
    return sorted(folder.glob("*.dcm"))


def read(path, policy=None):
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return read_model_input(path, sha256, LIMITS, policy or EligibilityPolicy(), Preprocessing())


def test_every_assorted_file_ends_with_pixels_or_a_reason(data_folder):
    outcomes = {}
    for path in files_of(data_folder / "dicom" / "assorted"):
        reading = read(path)
        assert (reading.model_input is None) != (reading.rejection is None)
        assert inspect_file(path, LIMITS).instance.sha256 == reading.instance.sha256
        outcomes[path.name] = reading.rejection and reading.rejection.reason_code
    assert len(outcomes) > 200
    assert outcomes["d6e3c76e_gdcm-CR-MONO1-10-chest.dcm"] is None
    assert outcomes["97472949_RG2_JPLL.dcm"] is ReasonCode.BODY_PART_NOT_CHEST
    assert outcomes["54f8d97e_test1.dcm"] is ReasonCode.AGE_OUT_OF_SCOPE
    # A real DX with a hole in its JPEG 2000 frame.
    assert outcomes["1be36482_966.dcm"] is ReasonCode.PIXEL_DATA_UNDECODABLE


def test_every_rsna_chest_is_read(data_folder):
    anyone = EligibilityPolicy(maximum_age_years=130)
    for path in files_of(data_folder / "dicom" / "rsna"):
        reading = read(path, anyone)
        assert reading.rejection is None
        assert Flag.SECONDARY_CAPTURE in reading.model_input.flags


def decode_whole(folder, monkeypatch):
    """Yield every monochrome single frame of the folder that decodes, at full resolution."""
    monkeypatch.setattr(pipeline.grayscale.stored_pixels, "SUFFICIENT_SIDE_PX", 1 << 30)
    for path in files_of(folder):
        content = path.read_bytes()
        if not looks_like_dicom(content):
            continue
        try:
            file = parse_dicom(content, LIMITS.inflated_bytes)
            instance, _ = read_instance(file, "0" * 64)
            pixels = (instance.rows or 0) * (instance.columns or 0)
            if instance.samples_per_pixel != 1 or (instance.number_of_frames or 1) > 1:
                continue
            if "MONO" not in str(instance.photometric_interpretation) or pixels > LARGEST_COMPARED:
                continue
            radiograph = decode_radiograph(file, LIMITS.pixels)
        except RejectedInputError:
            continue
        yield path, content, radiograph


def pydicom_levels(dataset):
    """Render with pydicom: PS3.4 N.2 as its documentation puts it, scaled to [0, 1]."""
    values = apply_modality_lut(dataset.pixel_array, dataset).astype(np.float64)
    has_lut = bool(dataset.get("VOILUTSequence"))
    levels = apply_voi_lut(values if not has_lut else values.astype(np.int64), dataset)
    if has_lut:
        levels = levels / (2.0 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1)
    else:
        low, high = -(2.0 ** (dataset.BitsStored - 1)), 2.0 ** (dataset.BitsStored - 1) - 1
        if not dataset.PixelRepresentation:
            low, high = 0.0, 2.0**dataset.BitsStored - 1
        if dataset.get("ModalityLUTSequence"):
            low, high = 0.0, 2.0 ** dataset.ModalityLUTSequence[0].LUTDescriptor[2] - 1
        else:
            slope = float(dataset.get("RescaleSlope", 1))
            intercept = float(dataset.get("RescaleIntercept", 0))
            low, high = low * slope + intercept, high * slope + intercept
        levels = (levels - low) / (high - low)
    return 1 - levels if dataset.PhotometricInterpretation == "MONOCHROME1" else levels


def test_gray_levels_are_those_of_pydicom(data_folder, monkeypatch):
    compared = 0
    for path, content, radiograph in decode_whole(data_folder / "dicom" / "assorted", monkeypatch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(BytesIO(content), force=True)
            if Flag.WINDOW_FALLBACK in radiograph.flags or "PixelPaddingValue" in dataset:
                continue
            try:
                expected = pydicom_levels(dataset)
            except (RuntimeError, NotImplementedError, AttributeError):
                continue  # a syntax that pydicom's plugins refuse, or no file meta
        difference = np.abs(radiograph.pixels - expected)
        assert difference.max() < 1 / 200, path.name
        compared += 1
    assert compared >= 30


@pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="DCMTK is not installed")
def test_gray_levels_are_those_of_dcmtk(data_folder, monkeypatch, tmp_path):
    compared = 0
    for path, content, radiograph in decode_whole(data_folder / "dicom" / "assorted", monkeypatch):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(BytesIO(content), force=True)
            if Flag.WINDOW_FALLBACK in radiograph.flags or "PixelPaddingValue" in dataset:
                continue
            try:
                native = as_native(dataset)
            except (RuntimeError, NotImplementedError, AttributeError, ValueError):
                continue
        expected = dcmtk_levels(native, dataset, tmp_path)
        if expected is None:
            continue
        assert np.abs(radiograph.pixels - expected).mean() < 1 / 255, path.name
        compared += 1
    assert compared >= 30


def as_native(dataset):
    """Write the image uncompressed, decoded by pydicom: DCMTK's tools lack JPEG 2000."""
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    image = dataset.group_dataset(0x0028)
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    image.SOPInstanceUID = "2.25.1"
    image.PixelData = dataset.pixel_array.tobytes()
    image["PixelData"].VR = "OW"
    if "PresentationLUTShape" in dataset:
        image.PresentationLUTShape = dataset.PresentationLUTShape
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = EXPLICIT_VR_LITTLE_ENDIAN.uid
    buffer = BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dcmtk_levels(content, dataset, folder):
    (folder / "in.dcm").write_bytes(content)
    if dataset.get("VOILUTSequence"):
        options = ["+Wl", "1"]
    elif dataset.get("WindowWidth"):
        options = ["+Wi", "1"]
    else:
        options = []
    command = ["dcm2pnm", *options, "--write-16-bit-pnm", folder / "in.dcm", folder / "out.pgm"]
    run = subprocess.run(command, capture_output=True, check=False)
    if run.returncode:
        return None
    with Image.open(folder / "out.pgm") as image:
        return np.asarray(image, dtype=np.float64) / 65535

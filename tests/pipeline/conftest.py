"""Small synthetic radiographs, and DICOM files that hold them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset

from pipeline.dicom.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, TransferSyntax
from pipeline.quality.appearance import THUMBNAIL_PX, load_appearance_model
from tests.development_data import DATA

MakeDicom = Callable[..., bytes]


@pytest.fixture
def levels() -> NDArray[np.float64]:
    """Return 144 x 160 gray levels in [0, 1]: the mean chest, with ripples in every direction."""
    y, x = np.mgrid[0:1:144j, 0:1:160j]
    mean = load_appearance_model().mean.reshape(THUMBNAIL_PX, THUMBNAIL_PX)
    chest = np.asarray(Image.fromarray(mean).resize((160, 144), Image.Resampling.BILINEAR))
    ripples: NDArray[np.float64] = 0.05 * np.sin(23 * x * y) + 0.03 * np.cos(31 * x)
    return np.clip(0.5 + 0.2 * chest + ripples, 0, 1)


@pytest.fixture
def make_dicom(levels: NDArray[np.float64]) -> MakeDicom:
    """Return a function that makes a DICOM file of a child's eligible chest.

    ``pixels`` (an array of bit patterns) or ``frame`` (encapsulated bytes) replace the image.
    Further arguments set attributes; None leaves one out.
    """

    def make(
        pixels: NDArray[Any] | None = None,
        *,
        frame: bytes | None = None,
        syntax: TransferSyntax = EXPLICIT_VR_LITTLE_ENDIAN,
        **attributes: Any,
    ) -> bytes:
        stored = np.rint(levels * 4095).astype(np.uint16) if pixels is None else pixels
        dataset = Dataset()
        dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
        dataset.SOPInstanceUID = "2.25.101"
        dataset.SeriesInstanceUID = "2.25.102"
        dataset.StudyInstanceUID = "2.25.103"
        dataset.Modality = "CR"
        dataset.PatientID = "P1"
        dataset.PatientName = "SECRET^NAME"
        dataset.PatientAge = "003Y"
        dataset.BodyPartExamined = "CHEST"
        dataset.ViewPosition = "AP"
        dataset.SamplesPerPixel = 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.Rows, dataset.Columns = stored.shape[:2]
        dataset.BitsAllocated = stored.dtype.itemsize * 8
        dataset.BitsStored = 12 if stored.dtype.itemsize > 1 else 8
        dataset.HighBit = dataset.BitsStored - 1
        dataset.PixelRepresentation = int(stored.dtype.kind == "i")
        order = ">" if syntax.is_big_endian else "<"
        dataset.PixelData = frame or stored.astype(stored.dtype.newbyteorder(order)).tobytes()
        dataset["PixelData"].VR = "OB" if frame or stored.dtype.itemsize == 1 else "OW"
        for keyword, value in attributes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax.uid
        dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
        dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.101"
        buffer = BytesIO()
        dataset.save_as(
            buffer,
            implicit_vr=syntax.is_implicit_vr,
            little_endian=not syntax.is_big_endian,
            enforce_file_format=True,
        )
        return buffer.getvalue()

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Return a function that writes a file into a temporary folder."""

    def write_file(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_file


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Return the development data's folder, or skip."""
    if not (DATA / "dicom").is_dir():
        pytest.skip("no development data: set PNEUMOSCREEN_TEST_DATA to their folder")
    return DATA

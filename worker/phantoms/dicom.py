"""Encodes a drawing as a DICOM file in a given transfer syntax.

This module must not draw.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Any, Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from pipeline.values.instance import derive_uid

COMPUTED_RADIOGRAPHY: Final = "1.2.840.10008.5.1.4.1.1.1"
DX_FOR_PRESENTATION: Final = "1.2.840.10008.5.1.4.1.1.1.1"
DX_FOR_PROCESSING: Final = "1.2.840.10008.5.1.4.1.1.1.1.1"
CT: Final = "1.2.840.10008.5.1.4.1.1.2"

_ENCODERS: Final[dict[UID, Callable[[NDArray[Any]], bytes | bytearray]]] = {
    JPEGBaseline8Bit: lambda frame: imagecodecs.jpeg8_encode(frame, level=92),
    JPEGExtended12Bit: lambda frame: imagecodecs.jpeg8_encode(frame, level=92, bitspersample=12),
    JPEGLossless: imagecodecs.ljpeg_encode,
    JPEGLosslessSV1: imagecodecs.ljpeg_encode,
    JPEGLSLossless: imagecodecs.jpegls_encode,
    JPEGLSNearLossless: lambda frame: imagecodecs.jpegls_encode(frame, level=2),
    JPEG2000Lossless: lambda frame: imagecodecs.jpeg2k_encode(
        frame, codecformat="J2K", reversible=True
    ),
    JPEG2000: lambda frame: imagecodecs.jpeg2k_encode(frame, codecformat="J2K", level=75),
    HTJ2KLossless: imagecodecs.htj2k_encode,
}


@dataclass(frozen=True, slots=True)
class DicomPlan:
    """How one file is stored."""

    name: str
    what: str
    transfer_syntax: UID = ExplicitVRLittleEndian
    sop_class_uid: str = COMPUTED_RADIOGRAPHY
    modality: str = ""
    bits_stored: int = 12
    is_monochrome1: bool = False


def encode_dicom(
    plan: DicomPlan, levels: NDArray[np.float32], header: Mapping[str, str], key: str
) -> bytes:
    """Encode one file.

    Parameters
    ----------
    plan
        Transfer syntax, SOP class and depth.
    levels
        (rows, columns) in [0, 1], MONOCHROME2.
    header
        Further attributes by DICOM keyword.
    key
        Identity (UIDs, patient, accession) is derived from it: equal keys, equal files.

    Returns
    -------
    bytes
        A DICOM file (PS3.10).
    """
    dataset = _describe(plan, header, key)
    dataset.Rows, dataset.Columns = levels.shape
    _set_pixels(dataset, plan, levels)
    is_big_endian = plan.transfer_syntax == ExplicitVRBigEndian
    buffer = BytesIO()
    dataset.save_as(
        buffer,
        implicit_vr=plan.transfer_syntax.is_implicit_VR,
        little_endian=not is_big_endian,
        enforce_file_format=True,
    )
    return buffer.getvalue()


def _describe(plan: DicomPlan, header: Mapping[str, str], key: str) -> Dataset:
    digest = sha256(f"phantom {key}".encode()).hexdigest()
    is_digital = plan.sop_class_uid in {DX_FOR_PRESENTATION, DX_FOR_PROCESSING}
    dataset = Dataset()
    dataset.SOPClassUID = plan.sop_class_uid
    dataset.SOPInstanceUID = derive_uid(digest, "instance")
    dataset.SeriesInstanceUID = derive_uid(digest, "series")
    dataset.StudyInstanceUID = derive_uid(digest, "study")
    dataset.Modality = plan.modality or ("DX" if is_digital else "CR")
    dataset.PatientName = "PHANTOM^SYNTHETIC"
    dataset.PatientID = f"PHANTOM-{key}"
    dataset.PatientSex = "O"
    dataset.AccessionNumber = f"PHANTOM-A-{key}"[:16]
    dataset.StudyDate = "20240311"
    dataset.StudyTime = "093000"
    dataset.StudyDescription = "SYNTHETIC PHANTOM"
    dataset.BodyPartExamined = "CHEST"
    dataset.BurnedInAnnotation = "NO"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    if is_digital:
        dataset.PresentationIntentType = "FOR PRESENTATION"
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = plan.transfer_syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _set_pixels(dataset: Dataset, plan: DicomPlan, levels: NDArray[np.float32]) -> None:
    """Store the drawing with a window that fits it, compressed where the syntax asks for it."""
    white = (1 << plan.bits_stored) - 1
    is_byte = plan.bits_stored <= 8  # noqa: PLR2004 - bits of a byte
    shown = 1 - levels if plan.is_monochrome1 else levels
    frame = np.rint(shown * white).astype(np.uint8 if is_byte else np.uint16)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if plan.is_monochrome1 else "MONOCHROME2"
    dataset.BitsAllocated = 8 if is_byte else 16
    dataset.BitsStored = plan.bits_stored
    dataset.HighBit = plan.bits_stored - 1
    dataset.PixelRepresentation = 0
    dataset.PixelSpacing = [0.4, 0.4]
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.RescaleType = "US"
    dataset.WindowCenter, dataset.WindowWidth = (white + 1) / 2, white + 1
    encode = _ENCODERS.get(plan.transfer_syntax)
    if encode is not None:
        dataset.PixelData = encapsulate([bytes(encode(frame))])
    elif plan.transfer_syntax == RLELossless:
        dataset.compress(RLELossless, frame, encoding_plugin="pydicom", generate_instance_uid=False)
    else:
        is_big_endian = plan.transfer_syntax == ExplicitVRBigEndian
        swapped = frame.astype(frame.dtype.newbyteorder(">" if is_big_endian else "<"))
        dataset.PixelData = swapped.tobytes()
    dataset["PixelData"].VR = "OB" if encode is not None or is_byte else "OW"

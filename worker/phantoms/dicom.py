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
from pydicom.uid import UID

from pipeline.dicom.transfer_syntaxes import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    HTJ2K_LOSSLESS,
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR_LOSSLESS,
    RLE_LOSSLESS,
    TRANSFER_SYNTAXES,
    TransferSyntax,
)
from pipeline.values.instance import derive_uid

COMPUTED_RADIOGRAPHY: Final = "1.2.840.10008.5.1.4.1.1.1"
DX_FOR_PRESENTATION: Final = "1.2.840.10008.5.1.4.1.1.1.1"
DX_FOR_PROCESSING: Final = "1.2.840.10008.5.1.4.1.1.1.1.1"
CT: Final = "1.2.840.10008.5.1.4.1.1.2"

_ENCODERS: Final[dict[TransferSyntax, Callable[[NDArray[Any]], bytes | bytearray]]] = {
    JPEG_BASELINE: lambda frame: imagecodecs.jpeg8_encode(frame, level=92),
    JPEG_EXTENDED: lambda frame: imagecodecs.jpeg8_encode(frame, level=92, bitspersample=12),
    JPEG_LOSSLESS: imagecodecs.ljpeg_encode,
    JPEG_LOSSLESS_SV1: imagecodecs.ljpeg_encode,
    JPEG_LS_LOSSLESS: imagecodecs.jpegls_encode,
    JPEG_LS_NEAR_LOSSLESS: lambda frame: imagecodecs.jpegls_encode(frame, level=2),
    JPEG_2000_LOSSLESS: lambda frame: imagecodecs.jpeg2k_encode(
        frame, codecformat="J2K", reversible=True
    ),
    JPEG_2000: lambda frame: imagecodecs.jpeg2k_encode(frame, codecformat="J2K", level=75),
    HTJ2K_LOSSLESS: imagecodecs.htj2k_encode,
}
ENCODABLE_SYNTAXES: Final = tuple(
    syntax
    for syntax in TRANSFER_SYNTAXES
    if syntax.codec is None or syntax == RLE_LOSSLESS or syntax in _ENCODERS
)


@dataclass(frozen=True, slots=True)
class DicomPlan:
    """How one file is stored."""

    name: str
    what: str
    transfer_syntax: TransferSyntax = EXPLICIT_VR_LITTLE_ENDIAN
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
    buffer = BytesIO()
    dataset.save_as(
        buffer,
        implicit_vr=plan.transfer_syntax.is_implicit_vr,
        little_endian=not plan.transfer_syntax.is_big_endian,
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
    dataset.file_meta.TransferSyntaxUID = UID(plan.transfer_syntax.uid)
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
    elif plan.transfer_syntax == RLE_LOSSLESS:
        dataset.compress(
            RLE_LOSSLESS.uid, frame, encoding_plugin="pydicom", generate_instance_uid=False
        )
    else:
        stored = frame.dtype.newbyteorder(">" if plan.transfer_syntax.is_big_endian else "<")
        dataset.PixelData = frame.astype(stored).tobytes()
    dataset["PixelData"].VR = "OB" if encode is not None or is_byte else "OW"

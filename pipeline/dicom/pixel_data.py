"""Extracts the only frame of pixel data from a parsed DICOM file, after checking its length.

This module must not know how a compressed frame is decoded.
"""

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pipeline.codes import ReasonCode
from pipeline.dicom.dataset import ByteOrder, DicomFile
from pipeline.dicom.header import read_count
from pipeline.errors import RejectedInputError
from pipeline.grayscale.stored_pixels import StoredPixels, extract_pixels

_PIXEL_DATA: Final = 0x7FE00010
_UNDEFINED_LENGTH: Final = 0xFFFFFFFF
_LONG_HEADER_VRS: Final = frozenset({b"OB", b"OW", b"UN", b"OF", b"OD"})
_ITEM: Final = b"\xfe\xff\x00\xe0"
_ITEM_HEADER_BYTES: Final = 8
_BITS_ALLOCATED: Final = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class ImagePixelModule:
    """Attributes of the Image Pixel Module (PS3.3 C.7.6.3), checked to be decodable."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool


@dataclass(frozen=True, slots=True)
class PixelDataElement:
    """(7FE0,0010) Pixel Data: the bytes of its value, to the end of the file if encapsulated."""

    value: memoryview
    is_encapsulated: bool
    is_word: bool
    byte_order: ByteOrder


def read_pixel_module(dataset: Dataset, pixels: int) -> ImagePixelModule:
    """Read and check the attributes that decoding needs.

    Raises
    ------
    RejectedInputError
        TOO_LARGE beyond ``pixels``, PIXEL_DATA_UNDECODABLE for contradictory attributes.
    """
    rows = read_count(dataset, "Rows") or 0
    columns = read_count(dataset, "Columns") or 0
    if not rows * columns:
        raise RejectedInputError(
            ReasonCode.PIXEL_DATA_UNDECODABLE, f"Rows x Columns is {rows} x {columns}"
        )
    if rows * columns > pixels:
        raise RejectedInputError(
            ReasonCode.TOO_LARGE, f"{columns} x {rows} px, the limit is {pixels} pixels"
        )
    allocated = read_count(dataset, "BitsAllocated") or 0
    stored = read_count(dataset, "BitsStored") or allocated
    high_bit = read_count(dataset, "HighBit")
    if allocated not in _BITS_ALLOCATED or not 1 <= stored <= allocated:
        raise RejectedInputError(
            ReasonCode.PIXEL_DATA_UNDECODABLE,
            f"Bits Allocated (0028,0100) {allocated}, Bits Stored (0028,0101) {stored}",
        )
    if high_bit is None or not stored - 1 <= high_bit < allocated:
        high_bit = stored - 1  # the only value that the standard still allows
    return ImagePixelModule(
        rows, columns, allocated, stored, high_bit, read_count(dataset, "PixelRepresentation") == 1
    )


def find_pixel_data(file: DicomFile) -> PixelDataElement:
    """Find the pixel data element's value.

    Raises
    ------
    RejectedInputError
        NO_PIXEL_DATA where there is none, or only float or double pixels (parametric maps).
    """
    at = file.pixel_data_at
    if at is None:
        raise RejectedInputError(ReasonCode.NO_PIXEL_DATA, "there is no Pixel Data (7FE0,0010)")
    order = file.byte_order
    group, element = struct.unpack_from(order + "HH", file.content, at)
    if group << 16 | element != _PIXEL_DATA:
        raise RejectedInputError(
            ReasonCode.NO_PIXEL_DATA, f"({group:04X},{element:04X}) instead of Pixel Data"
        )
    vr = file.content[at + 4 : at + 6]
    # By the bytes, since the transfer syntax may be wrong; pydicom tolerates that too. In implicit
    # VR the length is here. It cannot look like one of these VRs, whose first letter is odd: a
    # length is even.
    header = 12 if vr in _LONG_HEADER_VRS else 8
    if len(file.content) < at + header:
        raise RejectedInputError(ReasonCode.PIXEL_DATA_TRUNCATED, "the file ends before its pixels")
    (length,) = struct.unpack_from(order + "I", file.content, at + header - 4)
    is_encapsulated = length == _UNDEFINED_LENGTH
    begin = at + header
    end = len(file.content) if is_encapsulated else begin + length
    return PixelDataElement(
        memoryview(file.content)[begin:end], is_encapsulated, vr != b"OB", order
    )


def read_native_pixels(element: PixelDataElement, module: ImagePixelModule) -> StoredPixels:
    """Read uncompressed pixels (PS3.5 8.1.1), after checking that none are missing.

    Raises
    ------
    RejectedInputError
        PIXEL_DATA_TRUNCATED.
    """
    expected = module.rows * module.columns * module.bits_allocated // 8
    if len(element.value) < expected:
        raise RejectedInputError(
            ReasonCode.PIXEL_DATA_TRUNCATED,
            f"{len(element.value)} bytes of pixel data, "
            f"{module.columns} x {module.rows} x {module.bits_allocated} bits need {expected}",
        )
    dtype = np.dtype(f"u{module.bits_allocated // 8}")
    if element.byte_order == ">" and element.is_word and dtype.itemsize == 1:
        # PS3.5 A.3: 8-bit pixels in OW are stored as 16-bit words, the second pixel first. An odd
        # number of pixels is padded to a whole word.
        words = np.frombuffer(element.value[: expected + expected % 2], ">u2")
        raw: NDArray[np.unsignedinteger] = words.astype("<u2").view(np.uint8)[:expected]
    else:
        raw = np.frombuffer(element.value[:expected], dtype.newbyteorder(element.byte_order))
    return extract_pixels(
        raw.reshape(module.rows, module.columns),
        module.bits_stored,
        module.high_bit,
        is_signed=module.is_signed,
    )


def read_frame(element: PixelDataElement) -> bytes:
    """Join the fragments of the only frame (PS3.5 A.4), skipping the offset table.

    Raises
    ------
    RejectedInputError
        PIXEL_DATA_TRUNCATED if a fragment is incomplete.
    """
    fragments = []
    at = 0
    value = element.value
    while bytes(value[at : at + 4]) == _ITEM and at + _ITEM_HEADER_BYTES <= len(value):
        (length,) = struct.unpack_from("<I", value, at + 4)
        at += _ITEM_HEADER_BYTES
        if at + length > len(value):
            raise RejectedInputError(
                ReasonCode.PIXEL_DATA_TRUNCATED,
                f"a pixel data fragment of {length} bytes has only {len(value) - at}",
            )
        fragments.append(value[at : at + length])
        at += length
    if len(fragments) < 2:  # noqa: PLR2004 - the offset table and one fragment
        raise RejectedInputError(
            ReasonCode.PIXEL_DATA_TRUNCATED, "the pixel data holds no compressed frame"
        )
    return b"".join(fragments[1:])

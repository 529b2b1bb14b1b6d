"""Reads the attributes of the grayscale transformations from a DICOM dataset.

This module must not apply them.
"""

import math
import struct
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from pipeline.dicom.dataset import ByteOrder, pydicom_muted
from pipeline.dicom.header import read_text
from pipeline.grayscale.attributes import GrayscaleAttributes, LookupTable, Window

_LONGEST_LUT: Final = 65536
_WINDOW_FUNCTIONS: Final = frozenset({"LINEAR", "LINEAR_EXACT", "SIGMOID"})


def read_grayscale_attributes(
    dataset: Dataset, byte_order: ByteOrder, *, is_signed: bool
) -> GrayscaleAttributes:
    """Read what rendering needs; a value that makes no sense counts as absent.

    References
    ----------
    PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.11.6 (Presentation LUT Shape), C.7.5.1.1.2
    (pixel padding).
    """
    with pydicom_muted():
        modality_lut = _read_lut(dataset, "ModalityLUTSequence", byte_order, is_signed=is_signed)
        slope = _read_number(dataset, "RescaleSlope")
        intercept = _read_number(dataset, "RescaleIntercept")
        # The VOI LUT's first mapped value is signed if the modality values are.
        is_voi_signed = (modality_lut is None and is_signed) or (intercept or 0) < 0
        return GrayscaleAttributes(
            is_inverted=_term(dataset, "PhotometricInterpretation") == "MONOCHROME1"
            or _term(dataset, "PresentationLUTShape") == "INVERSE",
            slope=slope or 1.0,  # 0 would make all pixels equal
            intercept=intercept or 0.0,
            modality_lut=modality_lut,
            voi_lut=_read_lut(dataset, "VOILUTSequence", byte_order, is_signed=is_voi_signed),
            window=_read_window(dataset),
            padding=_read_padding(dataset, byte_order, is_signed=is_signed),
        )


def _term(dataset: Dataset, keyword: str) -> str:
    return read_text(dataset, keyword).strip("\0 ").upper()


def _read_numbers(dataset: Dataset, keyword: str) -> list[float]:
    numbers = []
    for text in read_text(dataset, keyword).split("\\"):
        try:
            number = float(text)
        except ValueError:
            return []
        if not math.isfinite(number):
            return []
        numbers.append(number)
    return numbers


def _read_number(dataset: Dataset, keyword: str) -> float | None:
    return next(iter(_read_numbers(dataset, keyword)), None)


def _read_window(dataset: Dataset) -> Window | None:
    """Read the first window: of several alternatives it is the default."""
    center = _read_number(dataset, "WindowCenter")
    width = _read_number(dataset, "WindowWidth")
    if center is None or width is None:
        return None
    function = _term(dataset, "VOILUTFunction")
    return Window(center, width, function if function in _WINDOW_FUNCTIONS else "LINEAR")


def _read_lut(
    dataset: Dataset, keyword: str, byte_order: ByteOrder, *, is_signed: bool
) -> LookupTable | None:
    """Read the first item of a LUT sequence.

    LUT Data is US or OW, which pydicom gives as numbers or as bytes; in implicit VR it may give the
    descriptor as bytes too. 8-bit entries may be packed two to a word.
    """
    try:
        sequence = dataset.get(keyword)
        item = sequence[0] if sequence else None
        descriptor_value = item.get("LUTDescriptor") if item else None
        data_value = item.get("LUTData") if item else None
    except Exception:  # noqa: BLE001 - pydicom parses on access, and hostile bytes raise anything
        return None
    descriptor = _words(descriptor_value, byte_order)
    data = _words(data_value, byte_order)
    if len(descriptor) != 3 or not data:  # noqa: PLR2004 - entries, first mapped, bits
        return None
    length, first_mapped, bits = descriptor
    length = length or _LONGEST_LUT
    if is_signed and first_mapped >= 1 << 15:
        first_mapped -= 1 << 16
    if not 1 <= bits <= 16:  # noqa: PLR2004 - of a 16-bit word
        return None
    entries = np.array(data, dtype=np.uint16)
    if bits <= 8 and entries.size == (length + 1) // 2 and isinstance(data_value, bytes):  # noqa: PLR2004
        entries = np.frombuffer(data_value, np.uint8)[:length].astype(np.uint16)
    if not 1 < entries.size <= _LONGEST_LUT:
        return None
    return LookupTable(first_mapped, entries[:length].astype(np.float64), bits)


def _words(value: object, byte_order: ByteOrder) -> list[int]:
    """Return 16-bit words as unsigned numbers, from signed or unsigned numbers or from bytes."""
    if isinstance(value, bytes):
        count = len(value) // 2
        return list(struct.unpack(f"{byte_order}{count}H", value[: 2 * count]))
    numbers = value if isinstance(value, MultiValue | list) else [value]
    return [number & 0xFFFF for number in numbers if isinstance(number, int)]


def _read_padding(
    dataset: Dataset, byte_order: ByteOrder, *, is_signed: bool
) -> tuple[int, int] | None:
    """Read (0028,0120) Pixel Padding Value and (0028,0121) Pixel Padding Range Limit."""
    ends = []
    for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit"):
        try:
            words = _words(dataset.get(keyword), byte_order)
        except Exception:  # noqa: BLE001 - pydicom converts on access
            words = []
        ends += [word - (1 << 16) if is_signed and word >= 1 << 15 else word for word in words[:1]]
    return (min(ends), max(ends)) if ends else None

"""From a parsed DICOM file to a radiograph: pixel data, then the grayscale transformations.

This module must not crop or resample.
"""

from pydicom.dataset import Dataset

from pipeline.codes import ReasonCode
from pipeline.dicom.dataset import DicomFile
from pipeline.dicom.decoding import decode_frame
from pipeline.dicom.grayscale_attributes import read_grayscale_attributes
from pipeline.dicom.header import read_text
from pipeline.dicom.pixel_data import (
    find_pixel_data,
    read_frame,
    read_native_pixels,
    read_pixel_module,
)
from pipeline.errors import foreign_errors_rejected
from pipeline.grayscale.rendering import render
from pipeline.values.radiograph import Radiograph


def decode_radiograph(file: DicomFile, pixels: int) -> Radiograph:
    """Decode and render the only frame.

    Parameters
    ----------
    file
        A parsed file that the eligibility rules have let through: one frame, one sample.
    pixels
        Most pixels that may be decoded.

    Raises
    ------
    RejectedInputError
        With the reason why there is no image.
    """
    element = find_pixel_data(file)
    with foreign_errors_rejected(ReasonCode.HEADER_UNREADABLE, "the header cannot be read"):
        module = read_pixel_module(file.dataset, pixels)
    if element.is_encapsulated:
        stored = decode_frame(read_frame(element), file.transfer_syntax_uid, module)
    else:
        stored = read_native_pixels(element, module)
    attributes = read_grayscale_attributes(
        file.dataset, file.byte_order, is_signed=stored.minimum < 0
    )
    levels, flags = render(stored, attributes)
    shrunk = module.rows / levels.shape[0], module.columns / levels.shape[1]
    spacing = _read_spacing(file.dataset)
    if spacing is not None:
        spacing = spacing[0] * shrunk[0], spacing[1] * shrunk[1]
    return Radiograph(levels, spacing, flags)


def _read_spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Read (0028,0030) Pixel Spacing, else (0018,1164) Imager Pixel Spacing, in mm."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        texts = read_text(dataset, keyword).split("\\")
        try:
            spacing = tuple(float(text) for text in texts)
        except ValueError:
            continue
        if len(spacing) == 2 and all(0 < side < 100 for side in spacing):  # noqa: PLR2004
            return spacing[0], spacing[1]
    return None

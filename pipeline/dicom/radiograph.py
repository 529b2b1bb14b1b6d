"""Turns a parsed DICOM file into a radiograph: pixel data, then the grayscale transformations.

This module must not crop or resample.
"""

from pipeline.codes import ReasonCode
from pipeline.dicom.dataset import DicomFile
from pipeline.dicom.decoding import decode_frame
from pipeline.dicom.grayscale_attributes import read_grayscale_attributes
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
        A parsed file that the eligibility rules have passed: one frame, one sample per pixel.
    pixels
        Limit of rows times columns.

    Raises
    ------
    RejectedInputError
        With the reason why there is no radiograph.
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
    return Radiograph(levels, flags)

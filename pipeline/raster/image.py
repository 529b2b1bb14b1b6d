"""Reads PNG and JPEG files with Pillow.

This module must not decide whether a radiograph is scored.
"""

import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.codes import FileFormat, ReasonCode
from pipeline.errors import RejectedInputError, foreign_errors_rejected
from pipeline.grayscale.attributes import GrayscaleAttributes
from pipeline.grayscale.rendering import render
from pipeline.grayscale.stored_pixels import extract_pixels, reduction_factor
from pipeline.header.attributes import describe_instance
from pipeline.raster.exif import is_on_its_side, read_orientation, turn_upright
from pipeline.values.instance import Instance, Rejection
from pipeline.values.radiograph import Radiograph

_SIGNATURES: Final = {
    b"\x89PNG\r\n\x1a\n": FileFormat.PNG,
    b"\xff\xd8\xff": FileFormat.JPEG,
}
_WIDE_MODES: Final = frozenset({"I;16", "I;16B", "I"})
_GRAY_MODES: Final = frozenset({"L", "1", "LA"})
# JPEG's colour transform rounds: the channels of a gray image may differ by 1 or 2 levels.
_CHANNEL_TOLERANCE: Final = 8
_LARGEST_COLOURED_SHARE: Final = 0.001


def recognise_raster(content: bytes) -> FileFormat | None:
    """Recognise PNG or JPEG by the first bytes; None for anything else."""
    for signature, file_format in _SIGNATURES.items():
        if content.startswith(signature):
            return file_format
    return None


def read_raster_instance(
    content: bytes, file_format: FileFormat, sidecar: Mapping[str, str], sha256: str
) -> tuple[Instance, Rejection | None]:
    """Describe an image by its sidecar; rows and columns are those of the image itself, upright.

    Raises
    ------
    RejectedInputError
        HEADER_UNREADABLE.
    """
    with _open(content, file_format) as image:
        columns, rows = image.size
        if is_on_its_side(read_orientation(image)):
            rows, columns = columns, rows
        size = {"Rows": str(rows), "Columns": str(columns)}
    return describe_instance({**sidecar, **size}, sha256=sha256, file_format=file_format)


def decode_raster(
    content: bytes, file_format: FileFormat, pixels: int, *, is_inverted: bool = False
) -> Radiograph:
    """Decode an image and turn it upright by its EXIF orientation, as viewers show it.

    Parameters
    ----------
    content
        The whole file.
    file_format
        As `recognise_raster` returned it.
    pixels
        Limit of rows times columns.
    is_inverted
        Whether the sidecar says MONOCHROME1.

    Raises
    ------
    RejectedInputError
        TOO_LARGE, NOT_MONOCHROME, PIXEL_DATA_TRUNCATED or PIXEL_DATA_UNDECODABLE.
    """
    with _open(content, file_format) as image:
        if image.width * image.height > pixels:
            raise RejectedInputError(
                ReasonCode.TOO_LARGE,
                f"{image.width} x {image.height} px, the limit is {pixels} pixels",
            )
        orientation = read_orientation(image)
        halvings = min(3, reduction_factor(image.height, image.width).bit_length() - 1)
        if halvings:
            # JPEG decodes faster at a half, a quarter or an eighth; PNG ignores the request.
            image.draft(image.mode, (image.width >> halvings, image.height >> halvings))
        _load(image, file_format)
        gray = _to_gray(turn_upright(image, orientation))
    bits = gray.dtype.itemsize * 8
    stored = extract_pixels(gray, bits, bits - 1, is_signed=False)
    levels, flags = render(stored, GrayscaleAttributes(is_inverted=is_inverted))
    return Radiograph(levels, flags)


def _open(content: bytes, file_format: FileFormat) -> Image.Image:
    with (
        warnings.catch_warnings(),
        foreign_errors_rejected(
            ReasonCode.HEADER_UNREADABLE, f"the {file_format} header cannot be read"
        ),
    ):
        # Pillow warns of a decompression bomb at 89 megapixels; ours is the site's limit.
        warnings.simplefilter("ignore")
        try:
            return Image.open(BytesIO(content), formats=[file_format])
        except Image.DecompressionBombError as error:
            raise RejectedInputError(
                ReasonCode.TOO_LARGE, f"the {file_format} claims a size that no radiograph has"
            ) from error


def _load(image: Image.Image, file_format: FileFormat) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with foreign_errors_rejected(
                ReasonCode.PIXEL_DATA_UNDECODABLE, f"the {file_format} cannot be decoded"
            ):
                image.load()
        except RejectedInputError as error:
            if "truncated" in str(error.__cause__).lower():
                raise RejectedInputError(
                    ReasonCode.PIXEL_DATA_TRUNCATED, f"the {file_format} ends early"
                ) from error
            raise


def _to_gray(image: Image.Image) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the gray channel, (rows, columns); refuse colour."""
    if image.mode in _WIDE_MODES:
        return np.asarray(image).astype(np.uint16)
    if image.mode in _GRAY_MODES:
        return np.asarray(image.convert("L"))
    channels = np.asarray(image.convert("RGB"))
    spread = np.ptp(channels, axis=2)
    if np.mean(spread > _CHANNEL_TOLERANCE) > _LARGEST_COLOURED_SHARE:
        raise RejectedInputError(ReasonCode.NOT_MONOCHROME, f"the image has colour ({image.mode})")
    return np.ascontiguousarray(channels[:, :, 1])

"""Plain image operations on pixels in [0, 1], shared by augmentation and stress tests.

This module must not know any randomness, nor why an image is changed.
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from training.errors import TrainingError

Pixels = NDArray[np.float32]


def read_gray(file: Path) -> Image.Image:
    """Read a file as an 8-bit image at its own size.

    Raises
    ------
    TrainingError
        If it cannot be read.
    """
    try:
        with Image.open(file) as image:
            return image.convert("L")
    except OSError as error:
        raise TrainingError(
            f"{file} cannot be read ({error}); is --data the folder that the split was made of?"
        ) from error


def to_gray(pixels: Pixels) -> Image.Image:
    """Give an 8-bit image; what exceeds [0, 1] is clipped."""
    return Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def from_gray(image: Image.Image) -> Pixels:
    """Give an 8-bit image's pixels, float32 in [0, 1]."""
    return np.asarray(image, np.float32) / np.float32(255)


def soften(pixels: Pixels, radius_px: float) -> Pixels:
    """Blur by a Gaussian. In 8 bits: Pillow blurs nothing finer."""
    return from_gray(to_gray(pixels).filter(ImageFilter.GaussianBlur(radius_px)))


def bend(pixels: Pixels, gamma: float) -> Pixels:
    """Raise to a power: below 1 brightens the middle grays."""
    return np.asarray(np.clip(pixels, 0, 1) ** np.float32(gamma), np.float32)


def stretch(pixels: Pixels, factor: float) -> Pixels:
    """Multiply the contrast about the mean, and clip as a narrow window does."""
    mean = pixels.mean()
    return np.asarray(np.clip(mean + (pixels - mean) * np.float32(factor), 0, 1), np.float32)


def lighten(pixels: Pixels, amount: float) -> Pixels:
    """Add to every pixel, and clip."""
    return np.asarray(np.clip(pixels + np.float32(amount), 0, 1), np.float32)


def through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Compress and decompress."""
    file = BytesIO()
    to_gray(pixels).save(file, "JPEG", quality=quality)
    return from_gray(Image.open(file))


def resize(pixels: Pixels, rows: int, columns: int, kernel: Image.Resampling) -> Pixels:
    """Resample to another size."""
    return np.asarray(Image.fromarray(pixels).resize((columns, rows), kernel), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """How a picture lies in the frame, about its centre.

    Attributes
    ----------
    angle_deg
        Counter-clockwise.
    zoom, aspect
        Above 1 magnify, and widen while lowering.
    shear
        Columns moved per row.
    right, down
        Shift, as fractions of the width and the height.
    mirrored
        Left and right exchanged.
    """

    angle_deg: float = 0.0
    zoom: float = 1.0
    aspect: float = 1.0
    shear: float = 0.0
    right: float = 0.0
    down: float = 0.0
    mirrored: bool = False


def place(pixels: Pixels, placement: Placement, padding: float = 0.0) -> Pixels:
    """Put a picture into its frame in one resampling; ``padding`` comes in beyond its edge."""
    rows, columns = pixels.shape
    angle = np.deg2rad(placement.angle_deg)
    # Pillow asks for the way back: from a place in the result to its origin.
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    width = placement.zoom * placement.aspect * (-1 if placement.mirrored else 1)
    scale = np.diag([1 / width, placement.aspect / placement.zoom])
    linear = turn @ np.array([[1, placement.shear], [0, 1]]) @ scale
    centre = np.array([columns / 2, rows / 2])
    shift = np.array([placement.right * columns, placement.down * rows])
    offset = centre - linear @ (centre + shift)
    image = Image.fromarray(pixels).transform(
        (columns, rows),
        Image.Transform.AFFINE,
        (*linear[0], offset[0], *linear[1], offset[1]),
        Image.Resampling.BILINEAR,
        fillcolor=padding,
    )
    return np.asarray(image, np.float32)


def write_text(pixels: Pixels, text: str, row: int, column: int, height_px: int) -> Pixels:
    """Give the ink of a text, 1 where it covers, at a place in an empty image of this shape."""
    rows, columns = pixels.shape
    layer = Image.new("L", (columns, rows))
    ImageDraw.Draw(layer).text((column, row), text, 255, ImageFont.load_default(height_px))
    return from_gray(layer)


def widen(mask: Pixels, margin: int) -> Pixels:
    """Widen a mask by about ``margin`` fifty-sixths of its width, with a soft edge."""
    rows, columns = mask.shape
    # On a thumbnail: cheap, and the enlarged edge is soft.
    small = to_gray(mask).resize((56, 56), Image.Resampling.BOX)
    near = small.filter(ImageFilter.MaxFilter(2 * margin + 1))
    return from_gray(near.resize((columns, rows), Image.Resampling.BILINEAR))

"""Image operations on pixels in [0, 1], shared by augmentation and stress tests.

Every operation is deterministic. This module must not know why an image is changed.
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
    """Read a file as an 8-bit grayscale image at its own size.

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


def read_pixels(file: Path) -> Pixels:
    """Read a file at its own size: (rows, columns), float32 in [0, 1]."""
    return from_8_bit_image(read_gray(file))


def to_8_bit_image(pixels: Pixels) -> Image.Image:
    """Give an 8-bit image; pixels are clipped to [0, 1]."""
    return Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def from_8_bit_image(image: Image.Image) -> Pixels:
    """Give an 8-bit image's pixels, float32 in [0, 1]."""
    return np.asarray(image, np.float32) / np.float32(255)


def gaussian_blur(pixels: Pixels, radius_px: float) -> Pixels:
    """Blur by a Gaussian, in 8 bits: Pillow blurs no other depth."""
    return from_8_bit_image(to_8_bit_image(pixels).filter(ImageFilter.GaussianBlur(radius_px)))


def adjust_gamma(pixels: Pixels, gamma: float) -> Pixels:
    """Raise to a power: below 1 brightens the middle grays."""
    return np.asarray(np.clip(pixels, 0, 1) ** np.float32(gamma), np.float32)


def adjust_contrast(pixels: Pixels, factor: float) -> Pixels:
    """Multiply the distance from the mean, and clip as a narrow window does."""
    mean = pixels.mean()
    return np.asarray(np.clip(mean + (pixels - mean) * np.float32(factor), 0, 1), np.float32)


def adjust_brightness(pixels: Pixels, amount: float) -> Pixels:
    """Add to every pixel, and clip."""
    return np.asarray(np.clip(pixels + np.float32(amount), 0, 1), np.float32)


def compress_as_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Compress and decompress."""
    file = BytesIO()
    to_8_bit_image(pixels).save(file, "JPEG", quality=quality)
    return from_8_bit_image(Image.open(file))


def resize(pixels: Pixels, rows: int, columns: int, kernel: Image.Resampling) -> Pixels:
    """Resample to another size."""
    return np.asarray(Image.fromarray(pixels).resize((columns, rows), kernel), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class AffineTransform:
    """An affine transform of an image about its centre.

    Attributes
    ----------
    angle_deg
        Counter-clockwise.
    zoom
        Above 1 magnifies.
    aspect
        Above 1 makes the image wider and lower.
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


def apply_affine(pixels: Pixels, transform: AffineTransform, padding: float = 0.0) -> Pixels:
    """Transform an image in one resampling; pixels beyond its edge become ``padding``."""
    rows, columns = pixels.shape
    angle = np.deg2rad(transform.angle_deg)
    # Pillow takes the inverse: from a position in the result to its origin.
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    width = transform.zoom * transform.aspect * (-1 if transform.mirrored else 1)
    scale = np.diag([1 / width, transform.aspect / transform.zoom])
    linear = turn @ np.array([[1, transform.shear], [0, 1]]) @ scale
    centre = np.array([columns / 2, rows / 2])
    shift = np.array([transform.right * columns, transform.down * rows])
    offset = centre - linear @ (centre + shift)
    image = Image.fromarray(pixels).transform(
        (columns, rows),
        Image.Transform.AFFINE,
        (*linear[0], offset[0], *linear[1], offset[1]),
        Image.Resampling.BILINEAR,
        fillcolor=padding,
    )
    return np.asarray(image, np.float32)


def draw_text(pixels: Pixels, text: str, row: int, column: int, height_px: int) -> Pixels:
    """Draw a text into an empty image of the same shape: 1 where there is ink."""
    rows, columns = pixels.shape
    layer = Image.new("L", (columns, rows))
    ImageDraw.Draw(layer).text((column, row), text, 255, ImageFont.load_default(height_px))
    return from_8_bit_image(layer)


def dilate_mask(mask: Pixels, margin: int) -> Pixels:
    """Dilate a mask by about ``margin`` / 56 of its width, with a soft edge."""
    rows, columns = mask.shape
    # On a thumbnail: fast, and the enlarged edge is soft.
    small = to_8_bit_image(mask).resize((56, 56), Image.Resampling.BOX)
    near = small.filter(ImageFilter.MaxFilter(2 * margin + 1))
    return from_8_bit_image(near.resize((columns, rows), Image.Resampling.BILINEAR))

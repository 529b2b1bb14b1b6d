"""Makes other plausible radiographs of one: exposure, position, apparatus, transport.

Works on the decoded radiograph, before `pipeline.preprocessing`, as the world does. Randomness
is a generator passed in, so that an image is a pure function of its seed. This module must not
know labels, cohorts or networks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Pixels = NDArray[np.float32]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far images are changed.

    Attributes
    ----------
    strength
        1 for the amounts given in this module, 0 for none.
    background_share
        Of images with a lung mask, the share whose surroundings of the lungs are replaced: the
        film's format, its letters and the hospital's collimation are no signs of illness.
    flip_share
        Of images mirrored left to right.
    """

    strength: float = 1.0
    background_share: float = 0.25
    flip_share: float = 0.3


def augment(
    pixels: Pixels,
    mask: Pixels | None,
    other: Pixels,
    augmentation: Augmentation,
    random: Random,
) -> tuple[Pixels, Pixels | None]:
    """Change one radiograph, and its lung mask with it.

    Parameters
    ----------
    pixels
        (rows, columns), float32 in [0, 1].
    mask
        (rows, columns), float32, 1 within the lungs; or None.
    other
        Another radiograph of the same size, as a source of surroundings.
    augmentation, random
        How far, and the seeded generator that decides.

    Returns
    -------
    tuple
        The changed radiograph and mask, of the same shapes and ranges.
    """
    if mask is not None and random.random() < augmentation.background_share:
        pixels = replace_background(pixels, mask, other, random)
    pixels, mask = move(pixels, mask, augmentation, random)
    for change, share in CHANGES:
        if random.random() < share * min(augmentation.strength, 1):
            pixels = change(pixels, augmentation.strength, random)
    return np.clip(pixels, 0, 1).astype(np.float32), mask


def replace_background(pixels: Pixels, mask: Pixels, other: Pixels, random: Random) -> Pixels:
    """Replace what lies outside the (widened) lungs by blur, noise, gray or another's picture."""
    rows, columns = pixels.shape
    # Widened on a thumbnail: cheap, and the enlarged edge is soft.
    small = Image.fromarray((mask * 255).astype(np.uint8)).resize((56, 56), Image.Resampling.BOX)
    near = small.filter(ImageFilter.MaxFilter(2 * int(random.integers(1, 5)) + 1))
    keep = _from_gray(near.resize((columns, rows), Image.Resampling.BILINEAR))
    kind = random.integers(4)
    if kind == 0:
        surroundings = _blur(pixels, random.uniform(4, 12))
    elif kind == 1:
        surroundings = _field(pixels.shape, int(random.integers(3, 40)), random)
    elif kind == 2:  # noqa: PLR2004
        surroundings = np.full_like(pixels, random.uniform(0, 1))
    else:
        surroundings = other
    return keep * pixels + (1 - keep) * surroundings


def move(
    pixels: Pixels, mask: Pixels | None, augmentation: Augmentation, random: Random
) -> tuple[Pixels, Pixels | None]:
    """Rotate, shift, zoom, change the aspect ratio, shear and mirror, in one resampling."""
    rows, columns = pixels.shape
    amount = augmentation.strength
    angle = np.deg2rad(np.clip(random.normal(0, 5), -15, 15)) * amount
    zoom = np.exp(random.uniform(-0.15, 0.15) * amount)
    aspect = np.exp(random.uniform(-0.12, 0.12) * amount)
    shear = random.uniform(-0.06, 0.06) * amount
    shift = random.uniform(-0.06, 0.06, 2) * amount * (columns, rows)
    mirror = -1.0 if random.random() < augmentation.flip_share else 1.0
    scale = np.diag([mirror / (zoom * aspect), aspect / zoom])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, shear], [0, 1]]) @ scale
    centre = np.array([columns / 2, rows / 2])
    offset = centre - linear @ (centre + shift)
    matrix = (*linear[0], offset[0], *linear[1], offset[1])
    # Beyond the edge: black half of the time (a film border), else the edge's own gray.
    padding = 0.0 if random.random() < 0.5 else float(np.median(pixels[0]))  # noqa: PLR2004
    moved = _transform(pixels, matrix, padding)
    return moved, None if mask is None else _transform(mask, matrix, 0.0)


def change_gamma(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Bend the gray scale, as another detector's characteristic curve does."""
    gamma = np.float32(np.exp(random.uniform(-0.5, 0.5) * strength))
    return np.asarray(np.power(np.clip(pixels, 0, 1), gamma), np.float32)


def change_contrast(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Stretch or flatten about the mean, clipping as a narrow window does."""
    mean = pixels.mean()
    stretch = np.float32(np.exp(random.uniform(-0.4, 0.4) * strength))
    return np.asarray(np.clip(mean + (pixels - mean) * stretch, 0, 1), np.float32)


def change_exposure(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Brighten or darken the whole film."""
    shift = np.float32(random.uniform(-0.15, 0.15) * strength)
    return np.asarray(np.clip(pixels + shift, 0, 1), np.float32)


def shade(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Add a smooth field: the heel effect, an uneven grid, a turned child."""
    field = _field(pixels.shape, int(random.integers(2, 4)), random) - 0.5
    return pixels + field * random.uniform(0, 0.3) * strength


def equalise_locally(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Weaken or strengthen coarse against fine structure, as vendors' processing does."""
    coarse = _blur(pixels, random.uniform(6, 24))
    return pixels + (pixels - coarse) * random.uniform(-0.3, 0.8) * strength


def add_noise(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Add quantum noise: stronger where fewer photons arrived, in the bright."""
    sigma = random.uniform(0, 0.05) * strength
    noise = random.standard_normal(pixels.shape, dtype=np.float32)
    return np.asarray(pixels + sigma * noise * np.sqrt(0.25 + np.clip(pixels, 0, 1)), np.float32)


def blur(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Blur as a moving child does, or sharpen as a console does."""
    if random.random() < 0.5:  # noqa: PLR2004
        return _blur(pixels, random.uniform(0.3, 1.3) * strength)
    return pixels + (pixels - _blur(pixels, 1.5)) * random.uniform(0, 1) * strength


def compress(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Pass through a JPEG of low quality."""
    quality = int(95 - random.uniform(0, 65) * min(strength, 1.2))
    file = BytesIO()
    _to_gray(pixels).save(file, "JPEG", quality=quality)
    return _from_gray(Image.open(file))


def resample(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Lose resolution: shrink by one kernel, enlarge by another."""
    rows, columns = pixels.shape
    shrink = 1 + random.uniform(0, 1) * strength
    kernels = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    size = (round(columns / shrink), round(rows / shrink))
    small = Image.fromarray(pixels.astype(np.float32)).resize(size, kernels[random.integers(3)])
    return np.asarray(small.resize((columns, rows), kernels[random.integers(1, 3)]), np.float32)


def add_border(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Blacken one to four edges: collimation, or a film scanned with its surroundings."""
    rows, columns = pixels.shape
    changed = pixels.copy()
    level = random.uniform(0, 0.05) if random.random() < 0.8 else random.uniform(0.7, 1)  # noqa: PLR2004
    widths = random.uniform(0, 0.1, 4) * strength * (random.random(4) < 0.6)  # noqa: PLR2004
    top, bottom = int(widths[0] * rows), rows - int(widths[1] * rows)
    left, right = int(widths[2] * columns), columns - int(widths[3] * columns)
    changed[:top] = changed[bottom:] = level
    changed[:, :left] = changed[:, right:] = level
    return changed


def paste_marker(pixels: Pixels, _strength: float, random: Random) -> Pixels:
    """Paste a bright side letter, or erase a patch where one might stand, near an edge."""
    rows, columns = pixels.shape
    height = int(random.uniform(0.04, 0.13) * rows)
    row = int(random.choice([random.uniform(0, 0.2), random.uniform(0.7, 0.98)]) * (rows - height))
    column = int(random.choice([random.uniform(0, 0.15), random.uniform(0.85, 1)]) * columns)
    column = min(column, columns - height)
    if random.random() < 0.3:  # noqa: PLR2004
        changed = pixels.copy()
        window = changed[row : row + height, column : column + 2 * height]
        window[:] = np.median(window)
        return changed
    text = str(random.choice(["R", "L", "r", "PORTABLE", "AP", "SUPINE", "12:30", "D", "(R)"]))
    layer = Image.new("L", (columns, rows))
    ImageDraw.Draw(layer).text((column, row), text, 255, ImageFont.load_default(height))
    ink = _from_gray(layer) * np.float32(random.uniform(0.6, 1))
    return np.maximum(pixels, ink) if random.random() < 0.9 else pixels * (1 - ink)  # noqa: PLR2004


Change = Callable[[Pixels, float, Random], Pixels]
# In the order of the chain that makes a radiograph: beam, detector, processing, transport. With
# each change, the share of images that undergo it.
CHANGES: Final[tuple[tuple[Change, float], ...]] = (
    (shade, 0.3),
    (add_border, 0.25),
    (paste_marker, 0.35),
    (change_gamma, 0.6),
    (change_contrast, 0.4),
    (change_exposure, 0.3),
    (equalise_locally, 0.3),
    (blur, 0.35),
    (add_noise, 0.35),
    (resample, 0.25),
    (compress, 0.25),
)


def _transform(pixels: Pixels, matrix: tuple[float, ...], padding: float) -> Pixels:
    image = Image.fromarray(pixels.astype(np.float32))
    moved = image.transform(
        image.size,
        Image.Transform.AFFINE,
        matrix,
        Image.Resampling.BILINEAR,
        fillcolor=padding,
    )
    return np.asarray(moved, np.float32)


def _to_gray(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def _from_gray(image: Image.Image) -> Pixels:
    return np.asarray(image, np.float32) / np.float32(255)


def _blur(pixels: Pixels, radius_px: float) -> Pixels:
    # Pillow blurs 8-bit images only.
    return _from_gray(_to_gray(pixels).filter(ImageFilter.GaussianBlur(radius_px)))


def _field(shape: tuple[int, ...], cells: int, random: Random) -> Pixels:
    """Smooth random gray in [0, 1] with about ``cells`` bumps along an edge."""
    coarse = Image.fromarray(random.random((cells, cells), dtype=np.float32))
    return np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BILINEAR), np.float32)

"""Augments radiographs: exposure, position, detector, processing, compression.

Works on the decoded radiograph, before `pipeline.framing.preprocessing`. The random generator is
passed in, so that an image is a pure function of its seed. This module must not know labels,
cohorts or networks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from training.data import image_operations as operations
from training.data.image_operations import Pixels

Random = np.random.Generator
MARKERS: Final = ("R", "L", "r", "PORTABLE", "AP", "SUPINE", "12:30", "D", "(R)")
# Largest margin around the lungs whose pixels are kept, in px of a 56 px thumbnail.
WIDEST_MARGIN: Final = 4


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly images are changed.

    Attributes
    ----------
    strength
        1 for the amounts given in this module, 0 for none.
    background_share
        Of images with a lung mask, the share whose background (all but the lungs) is replaced: the
        image's format, its letters and the hospital's collimation are no signs of illness.
    flip_share
        Share of images mirrored left to right.
    mixup
        Parameter of the Beta distribution by which a batch's images and targets are mixed in
        pairs; 0 for none. Keeps the network from memorising wrong labels.
    """

    strength: float = 1.0
    background_share: float = 0.25
    flip_share: float = 0.3
    mixup: float = 0.0


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
        Another radiograph of the same size, whose pixels may replace the background.
    augmentation, random
        How strongly, and the seeded generator.

    Returns
    -------
    tuple
        The changed radiograph and mask, of the same shapes and ranges.
    """
    if mask is not None and _chance(augmentation.background_share, random):
        pixels = replace_background(pixels, mask, other, random)
    pixels, mask = apply_random_affine(pixels, mask, augmentation, random)
    for change, share in CHANGES:
        if _chance(share * min(augmentation.strength, 1), random):
            pixels = change(pixels, augmentation.strength, random)
    return np.clip(pixels, 0, 1).astype(np.float32), mask


def replace_background(pixels: Pixels, mask: Pixels, other: Pixels, random: Random) -> Pixels:
    """Replace all but the (dilated) lungs by blur, noise, gray or another radiograph."""
    keep = operations.dilate_mask(mask, int(random.integers(1, WIDEST_MARGIN + 1)))
    match int(random.integers(4)):
        case 0:
            background = operations.gaussian_blur(pixels, random.uniform(4, 12))
        case 1:
            background = _smooth_noise(pixels.shape, int(random.integers(3, 40)), random)
        case 2:
            background = np.full_like(pixels, random.uniform(0, 1))
        case _:
            background = other
    return keep * pixels + (1 - keep) * background


def apply_random_affine(
    pixels: Pixels, mask: Pixels | None, augmentation: Augmentation, random: Random
) -> tuple[Pixels, Pixels | None]:
    """Rotate, shift, zoom, change the aspect ratio, shear and mirror."""
    amount = augmentation.strength
    transform = operations.AffineTransform(
        angle_deg=float(np.clip(random.normal(0, 5), -15, 15) * amount),
        zoom=float(np.exp(random.uniform(-0.15, 0.15) * amount)),
        aspect=float(np.exp(random.uniform(-0.12, 0.12) * amount)),
        shear=random.uniform(-0.06, 0.06) * amount,
        right=random.uniform(-0.06, 0.06) * amount,
        down=random.uniform(-0.06, 0.06) * amount,
        mirrored=_chance(augmentation.flip_share, random),
    )
    # Beyond the edge: black half of the time (a film's border), else the gray of the first row.
    padding = 0.0 if _chance(0.5, random) else float(np.median(pixels[0]))
    moved = operations.apply_affine(pixels, transform, padding)
    return moved, None if mask is None else operations.apply_affine(mask, transform)


def change_gamma(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Change gamma, as another detector's characteristic curve does."""
    return operations.adjust_gamma(pixels, np.exp(random.uniform(-0.5, 0.5) * strength))


def change_contrast(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Stretch or flatten the contrast."""
    return operations.adjust_contrast(pixels, np.exp(random.uniform(-0.4, 0.4) * strength))


def change_exposure(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Brighten or darken the whole image."""
    return operations.adjust_brightness(pixels, random.uniform(-0.15, 0.15) * strength)


def shade(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Add smooth shading: the heel effect, an uneven grid, a rotated child."""
    field = _smooth_noise(pixels.shape, int(random.integers(2, 4)), random) - 0.5
    return pixels + field * np.float32(random.uniform(0, 0.3) * strength)


def equalise_locally(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Weaken or amplify fine structure, as vendors' multi-scale processing does."""
    coarse = operations.gaussian_blur(pixels, random.uniform(6, 24))
    return pixels + (pixels - coarse) * np.float32(random.uniform(-0.3, 0.8) * strength)


def add_noise(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Add quantum noise: stronger in bright areas, where fewer photons arrived."""
    sigma = np.float32(random.uniform(0, 0.05) * strength)
    noise = random.standard_normal(pixels.shape, dtype=np.float32)
    photons = np.sqrt(np.float32(0.25) + np.clip(pixels, 0, 1))
    return np.asarray(pixels + sigma * noise * photons, np.float32)


def blur(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Blur as motion does, or sharpen as a console's processing does."""
    if _chance(0.5, random):
        return operations.gaussian_blur(pixels, random.uniform(0.3, 1.3) * strength)
    return pixels + (pixels - operations.gaussian_blur(pixels, 1.5)) * np.float32(
        random.uniform(0, 1) * strength
    )


def compress(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Compress as JPEG of low quality."""
    return operations.compress_as_jpeg(pixels, int(95 - random.uniform(0, 65) * min(strength, 1.2)))


def resample(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Lose resolution: downsample by one kernel, upsample by another."""
    rows, columns = pixels.shape
    shrink = 1 + random.uniform(0, 1) * strength
    kernels = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    small = operations.resize(
        pixels, round(rows / shrink), round(columns / shrink), kernels[random.integers(3)]
    )
    return operations.resize(small, rows, columns, kernels[random.integers(1, 3)])


def add_border(pixels: Pixels, strength: float, random: Random) -> Pixels:
    """Blacken one to four edges (rarely whiten them): collimation, or a scanned film's frame."""
    rows, columns = pixels.shape
    changed = pixels.copy()
    level = random.uniform(0, 0.05) if _chance(0.8, random) else random.uniform(0.7, 1)
    widths = random.uniform(0, 0.1, 4) * strength * (random.random(4) < 0.6)  # noqa: PLR2004
    top, bottom = int(widths[0] * rows), rows - int(widths[1] * rows)
    left, right = int(widths[2] * columns), columns - int(widths[3] * columns)
    changed[:top] = changed[bottom:] = level
    changed[:, :left] = changed[:, right:] = level
    return changed


def paste_marker(pixels: Pixels, _strength: float, random: Random) -> Pixels:
    """Paste a side marker near an edge, or erase a patch where one might be."""
    rows, columns = pixels.shape
    height = int(random.uniform(0.04, 0.13) * rows)
    row = int(random.choice([random.uniform(0, 0.2), random.uniform(0.7, 0.98)]) * (rows - height))
    column = int(random.choice([random.uniform(0, 0.15), random.uniform(0.85, 1)]) * columns)
    column = min(column, columns - height)
    if _chance(0.3, random):
        changed = pixels.copy()
        window = changed[row : row + height, column : column + 2 * height]
        window[:] = np.median(window)
        return changed
    ink = operations.draw_text(pixels, str(random.choice(MARKERS)), row, column, height)
    ink *= np.float32(random.uniform(0.6, 1))
    bright = _chance(0.9, random)
    return np.asarray(np.maximum(pixels, ink) if bright else pixels * (1 - ink), np.float32)


Change = Callable[[Pixels, float, Random], Pixels]
# In the order in which a radiograph is made: beam, detector, processing, transport. With each
# change, the share of images that undergo it.
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


def _chance(share: float, random: Random) -> bool:
    return bool(random.random() < share)


def _smooth_noise(shape: tuple[int, ...], cells: int, random: Random) -> Pixels:
    """Smooth random gray in [0, 1] with about ``cells`` bumps along an edge."""
    coarse = random.random((cells, cells), dtype=np.float32)
    return operations.resize(coarse, shape[0], shape[1], Image.Resampling.BILINEAR)

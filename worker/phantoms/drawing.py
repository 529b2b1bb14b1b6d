"""Draws synthetic chest radiographs: a torso of smooth shapes, with its nature written on its face.

This module must not know file formats. Nothing in it comes from a patient.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

CAPTION: Final = "SYNTHETIC PHANTOM"

_Plane = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChestPhantom:
    """What to draw.

    Attributes
    ----------
    size_px
        Columns; rows are nine tenths of them.
    opacity
        Added density of a round infiltrate in a lower lung zone, 0 (none) to about 0.4.
    seed
        Of anatomy's variation and of the noise.
    """

    size_px: int
    opacity: float
    seed: int


def draw_chest(phantom: ChestPhantom) -> NDArray[np.float32]:
    """Draw a frontal chest.

    Returns
    -------
    NDArray[np.float32]
        (rows, columns) in [0, 1], MONOCHROME2.
    """
    random = np.random.default_rng(phantom.seed)
    y, x = _plane(phantom.size_px)
    breadth, height, tilt = 1 + random.uniform(-0.06, 0.06, 3)
    x = x / breadth + 0.02 * (tilt - 1) * y
    y = y / height
    torso = _inside(1 - np.hypot(x / 0.86, (y - 0.35) / 1.45) ** 4)
    arms = _inside(1 - np.hypot((np.abs(x) - 0.98) / 0.17, (y - 0.3) / 0.9) ** 2)
    neck = _inside(1 - (x / 0.24) ** 4) * _inside(-0.62 - y)
    shoulders = _inside(1 - np.hypot(x / 0.98, (y + 0.22) / 0.42) ** 4)
    density = 0.56 * np.maximum.reduce([torso, shoulders, arms, neck])
    lungs = _draw_lung(x, y, side=-1) + _draw_lung(x, y, side=1)
    vessels = _draw_texture(random, y.shape, grain_px=phantom.size_px // 40)
    density -= lungs * (0.44 - 0.10 * vessels)
    density += _draw_ribs(x, y) * (0.06 + 0.05 * lungs)
    density += 0.22 * np.exp(-((x / 0.10) ** 2)) * (0.9 + 0.1 * np.sin(y * 48)) * torso
    density += 0.20 * _inside(1 - np.hypot((x - 0.15) / 0.30, (y - 0.28) / 0.33) ** 2, 6.0)
    density += 0.14 * np.maximum(_draw_clavicle(x, y, -1), _draw_clavicle(x, y, 1))
    if phantom.opacity:
        side = random.choice([-1, 1])
        blob = np.exp(-(((x - side * 0.42) / 0.17) ** 2) - ((y - 0.22) / 0.16) ** 2)
        clumps = 0.7 + 0.6 * _draw_texture(random, y.shape, grain_px=phantom.size_px // 60)
        density += phantom.opacity * blob * clumps * lungs
    density += random.normal(0, 0.012, y.shape)
    return _burn_in(np.clip(0.04 + 0.9 * density, 0, 1))


def draw_lateral(size_px: int, seed: int) -> NDArray[np.float32]:
    """Draw what a lateral chest might look like: one lung field, the spine behind it."""
    y, x = _plane(size_px)
    torso = _inside(1 - np.hypot(x / 0.62, (y - 0.3) / 1.4) ** 4)
    lung = _inside(1 - np.hypot((x + 0.02) / 0.45, (y + 0.02) / 0.62) ** 3)
    density = 0.66 * torso - 0.36 * lung
    density += 0.26 * np.exp(-(((x - 0.40 - 0.06 * y) / 0.09) ** 2)) * torso
    density += 0.24 * _inside(1 - np.hypot((x + 0.18) / 0.24, (y - 0.26) / 0.28) ** 2, 6.0)
    density += np.random.default_rng(seed).normal(0, 0.012, y.shape)
    return _burn_in(np.clip(0.04 + 0.9 * density, 0, 1))


def draw_axial_slice(size_px: int) -> NDArray[np.float32]:
    """Draw a thorax in cross-section, square, as a CT would show it."""
    y, x = np.mgrid[-1 : 1 : size_px * 1j, -1 : 1 : size_px * 1j]
    body = _inside(1 - np.hypot(x / 0.85, y / 0.62) ** 4)
    lungs = sum(_inside(1 - np.hypot((x - side * 0.42) / 0.30, y / 0.42) ** 3) for side in (-1, 1))
    spine = np.exp(-((x / 0.12) ** 2) - ((y - 0.38) / 0.13) ** 2)
    return _burn_in(np.clip(0.55 * body - 0.45 * lungs + 0.4 * spine, 0, 1))


def _plane(size_px: int) -> tuple[_Plane, _Plane]:
    """Give y and x of every pixel, x from -1.1 to 1.1 over the columns."""
    rows = size_px * 9 // 10
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1.1 : 1.1 : size_px * 1j]
    return y, x


def _inside(margin: _Plane, sharpness: float = 18.0) -> _Plane:
    """Turn a signed margin (positive inside) into a soft 0 to 1, as X-ray shadows are soft."""
    return 1 / (1 + np.exp(-sharpness * np.clip(margin, -30 / sharpness, 30 / sharpness)))


def _draw_lung(x: _Plane, y: _Plane, side: int) -> _Plane:
    """Draw one lung: narrow at the apex, cut below by the dome of the diaphragm."""
    across = (x * side - 0.41) / (0.30 + 0.10 * np.clip(y, -1, 1))
    field = _inside(1 - np.hypot(across, (y + 0.02) / 0.74) ** 2.6)
    dome = 0.52 - 0.05 * (side < 0) - 0.55 * (x * side - 0.40) ** 2 - y
    return field * _inside(dome, 30.0)


def _draw_ribs(x: _Plane, y: _Plane) -> _Plane:
    """Draw nine pairs of ribs: posterior parts falling outwards, evenly spaced."""
    ribs = np.zeros_like(x)
    for pair in range(9):
        line = -0.66 + 0.145 * pair + 0.30 * x**2 + 0.05 * np.abs(x)
        ribs += np.exp(-(((y - line) / 0.020) ** 2))
    return ribs * _inside(0.80 - np.abs(x)) * _inside(0.72 - y)


def _draw_clavicle(x: _Plane, y: _Plane, side: int) -> _Plane:
    line = -0.62 - 0.16 * (x * side - 0.1) + 0.05 * np.sin(6 * x * side)
    return np.exp(-(((y - line) / 0.025) ** 2)) * _inside(0.3 - np.abs(x * side - 0.38))


def _draw_texture(
    random: np.random.Generator, shape: tuple[int, ...], grain_px: int
) -> NDArray[np.float64]:
    """Draw cloudy noise, -1 to 1, with grains of about the given size."""
    noise = Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8))
    cloud = np.asarray(noise.filter(ImageFilter.GaussianBlur(grain_px / 3)), dtype=np.float64)
    cloud -= cloud.mean()
    return cloud / max(float(np.abs(cloud).max()), 1.0)


def _burn_in(levels: NDArray[np.float64]) -> NDArray[np.float32]:
    """Write what this is into the pixels: the words cannot be lost with a header."""
    image = Image.fromarray(levels.astype(np.float32))
    draw = ImageDraw.Draw(image)
    size_px = max(12, image.width // 26)
    font = ImageFont.load_default(size_px)
    left, _, right, _ = draw.textbbox((0, 0), CAPTION, font=font)
    draw.text(((image.width - right + left) / 2, size_px // 2), CAPTION, font=font, fill=1.0)
    return np.asarray(image, dtype=np.float32)

"""Small radiograph-like PNGs whose mean brightness, and so the fake's answer, is known."""

from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.quality.appearance import THUMBNAIL_PX, load_appearance_model

_SIDE_PX = 128  # as the network sees it, so that no resampling blurs the dither


def write_png(path: Path, bright_share: float, seed: int = 0) -> Path:
    """Write a 128 x 128 image of which about such a share is bright; the rest is dark.

    The bright pixels lie where the mean chest is bright, or the reader would refuse the image. No
    border is as dark as a collimated one.
    """
    share = min(max(bright_share, 0.04), 0.96)
    chest = load_appearance_model().mean.reshape(THUMBNAIL_PX, THUMBNAIL_PX)
    large = Image.fromarray(chest).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BILINEAR)
    density = share + min(share, 1 - share) / 2 * np.asarray(large)
    noise = np.random.default_rng(seed).integers(0, 20, (_SIDE_PX, _SIDE_PX))
    is_bright = density > _dither()
    pixels = np.where(is_bright, 235 - noise, 60 + noise).astype(np.uint8)
    Image.fromarray(pixels).save(path, format="PNG")
    return path


def _dither() -> np.ndarray:
    """Give thresholds of an ordered dither: each block of a thumbnail has all 64 levels."""
    matrix = np.zeros((1, 1))
    for _ in range(3):
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return np.tile((matrix + 0.5) / 64, (THUMBNAIL_PX, THUMBNAIL_PX))

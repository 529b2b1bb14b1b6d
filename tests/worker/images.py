"""Small radiograph-like PNGs whose mean brightness, and so the fake's answer, is known."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_png(path: Path, bright_share: float, seed: int = 0) -> Path:
    """Write a 160 x 160 image of which such a share is bright; the rest is dark."""
    noise = np.random.default_rng(seed).integers(0, 20, (160, 160))
    pixels = np.full((160, 160), 60) + noise
    # Columns from both sides inward, so that no border looks collimated.
    edge = round(80 * bright_share)
    pixels[:, :edge] = 235 - noise[:, :edge]
    pixels[:, 160 - edge :] = 235 - noise[:, :edge]
    Image.fromarray(pixels.astype(np.uint8)).save(path, format="PNG")
    return path

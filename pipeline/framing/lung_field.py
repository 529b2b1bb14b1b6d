"""Locates the lung fields in a model input, for a crop without side letters and tubes.

This module must not know how the crop is used.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.values.radiograph import FieldOfView, ModelInput

LOCATOR_FILE: Final = Path(__file__).parent / "lung_field.npz"
GRID_PX: Final = 32
_LIKELY_LUNG: Final = 0.3
# Boxes of a smaller share of the image, or narrower, cannot be both lungs.
_SMALLEST_SHARE: Final = 0.2
_NARROWEST_SHARE: Final = 0.35


@dataclass(frozen=True, slots=True)
class LungLocator:
    """A linear map from a 32 x 32 image, mean 0 and variance 1, to a 32 x 32 map of lung.

    Attributes
    ----------
    mean_image, mean_lungs
        (1024,): of the training set.
    encoder, decoder
        (1024, rank) and (rank, 1024): the map, as two factors.
    margins
        (4,): added above, below, left and right of the likely lungs, as shares of the side;
        chosen so that in 99 % of the validation images 99 % of the lungs are inside.
    """

    mean_image: NDArray[np.float32]
    mean_lungs: NDArray[np.float32]
    encoder: NDArray[np.float32]
    decoder: NDArray[np.float32]
    margins: NDArray[np.float32]

    def map_lungs(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Estimate the share of lung in each cell, (32, 32), of a square image."""
        deviation = shrink_to_grid(pixels).ravel() - self.mean_image
        lungs = (deviation @ self.encoder) @ self.decoder + self.mean_lungs
        return lungs.reshape(GRID_PX, GRID_PX).astype(np.float32)

    def find_box(self, pixels: NDArray[np.float32]) -> tuple[float, float, float, float] | None:
        """Return top, left, bottom and right as shares of the image; None if no lungs are found.

        Parameters
        ----------
        pixels
            (128, 128), float32 in [0, 1], as the network sees it.
        """
        side = pixels.shape[0]
        lungs = Image.fromarray(self.map_lungs(pixels)).resize(
            (side, side), Image.Resampling.BILINEAR
        )
        is_lung = np.asarray(lungs) > _LIKELY_LUNG
        rows, columns = np.flatnonzero(is_lung.any(axis=1)), np.flatnonzero(is_lung.any(axis=0))
        if rows.size == 0:
            return None
        above, below, left, right = (float(margin) for margin in self.margins)
        box = (
            max(0.0, float(rows[0]) / side - above),
            max(0.0, float(columns[0]) / side - left),
            min(1.0, float(rows[-1] + 1) / side + below),
            min(1.0, float(columns[-1] + 1) / side + right),
        )
        height, width = box[2] - box[0], box[3] - box[1]
        if height * width < _SMALLEST_SHARE or min(height, width) < _NARROWEST_SHARE:
            return None
        return box


def locate_lung_field(model_input: ModelInput, locator: LungLocator | None = None) -> FieldOfView:
    """Return the box of the lung fields, in the radiograph's pixels.

    Returns
    -------
    FieldOfView
        Inside the model input's field of view, with ``method`` ``lung_field``; or that field of
        view itself where no lungs are found.
    """
    outer = model_input.field_of_view
    box = (locator or load_lung_locator()).find_box(model_input.pixels)
    if box is None:
        return outer
    rows, columns = outer.bottom_px - outer.top_px, outer.right_px - outer.left_px
    top, left, bottom, right = box
    return FieldOfView(
        top_px=outer.top_px + round(top * rows),
        left_px=outer.left_px + round(left * columns),
        bottom_px=outer.top_px + round(bottom * rows),
        right_px=outer.left_px + round(right * columns),
        method="lung_field",
    )


def shrink_to_grid(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shrink a square image to 32 x 32 block means, then to mean 0 and variance 1."""
    block = pixels.shape[0] // GRID_PX
    blocks = pixels[: block * GRID_PX, : block * GRID_PX]
    means = blocks.reshape(GRID_PX, block, GRID_PX, block).mean(axis=(1, 3), dtype=np.float32)
    centered = means - means.mean()
    grid: NDArray[np.float32] = centered / max(float(centered.std()), 1e-6)
    return grid


@cache
def load_lung_locator(file: Path = LOCATOR_FILE) -> LungLocator:
    """Load the locator of the package: plain arrays, no pickled objects."""
    with np.load(file, allow_pickle=False) as arrays:
        return LungLocator(**{name: arrays[name].astype(np.float32) for name in arrays.files})

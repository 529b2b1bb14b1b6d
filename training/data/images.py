"""Holds a cohort's radiographs in memory, and prepares them for the network.

This module must not know any network, nor batches.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.values.radiograph import Radiograph
from training.data.cohort import Sample
from training.data.image_operations import read_gray
from training.errors import TrainingError
from training.progress import with_progress

CACHE_PX: Final = 224


class Radiographs:
    """Decoded images of a cohort, uint8, with their lung masks.

    Raises
    ------
    TrainingError
        If there are no samples, or a file cannot be read.
    """

    def __init__(self, data: Path, samples: Sequence[Sample], *, quiet: bool = False) -> None:
        self.samples = list(samples)
        if not self.samples:
            raise TrainingError("the split has none of the radiographs that this needs")
        paths = [data / sample.path for sample in self.samples]
        shown = paths if quiet else with_progress(paths, "reading")
        self._pixels = np.stack([_read_small(path) for path in shown])
        self._masks = {
            index: _read_small(data / sample.lung_mask)
            for index, sample in enumerate(self.samples)
            if sample.lung_mask
        }

    def pixels(self, index: int) -> NDArray[np.float32]:
        """Give one radiograph: (224, 224), float32 in [0, 1]."""
        return np.asarray(self._pixels[index] / np.float32(255), np.float32)

    def mask(self, index: int) -> NDArray[np.float32] | None:
        """Give the lung mask of one radiograph, of the same shape, or None."""
        mask = self._masks.get(index)
        return None if mask is None else np.asarray(mask / np.float32(255), np.float32)

    def __len__(self) -> int:
        return len(self.samples)


def prepare_all(
    radiographs: Radiographs, preprocessing: Preprocessing
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Prepare every radiograph as in serving.

    Returns
    -------
    tuple
        (n, size, size), float32 in [0, 1], and (n,), whether the label is positive.
    """
    pixels = [
        prepare_model_input(Radiograph(radiographs.pixels(index)), preprocessing).pixels
        for index in with_progress(range(len(radiographs)), "radiographs")
    ]
    positive = [sample.is_positive for sample in radiographs.samples]
    return np.stack(pixels), np.array(positive, dtype=np.bool_)


def _read_small(path: Path) -> NDArray[np.uint8]:
    gray = read_gray(path)
    if gray.size != (CACHE_PX, CACHE_PX):
        gray = gray.resize((CACHE_PX, CACHE_PX), Image.Resampling.BILINEAR, reducing_gap=3)
    return np.asarray(gray)

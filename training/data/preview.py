"""Draws augmented radiographs as one picture, to check an augmentation before a long run.

This module must not know any network.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.values.radiograph import Radiograph
from training.data import image_operations as operations
from training.data.augmentation import Augmentation, augment
from training.data.cohort import Part, Sample
from training.data.image_operations import Pixels
from training.data.images import Radiographs

VARIANTS: Final = 9


def preview(
    data: Path,
    samples: Sequence[Sample],
    augmentation: Augmentation,
    *,
    images: int = 8,
    seed: int = 1,
) -> Image.Image:
    """Draw training radiographs, one per row: as served, then augmented in several ways.

    Parameters
    ----------
    data, samples
        A split cohort; images are chosen at random from its training part.
    augmentation
        As in a run's recipe.
    images, seed
        How many rows, and the seed of the choice and the augmentation.

    Returns
    -------
    PIL.Image.Image
        8-bit grayscale, as the network sees each image (before mixup).
    """
    random = np.random.default_rng(seed)
    training = [sample for sample in samples if sample.part == Part.TRAIN]
    few = random.permutation(len(training))[:images]
    radiographs = Radiographs(data, [training[index] for index in few])
    rows = []
    for index in range(len(radiographs)):
        pixels, mask = radiographs.pixels(index), radiographs.mask(index)
        other = radiographs.pixels(int(random.integers(len(radiographs))))
        variants = [augment(pixels, mask, other, augmentation, random)[0] for _ in range(VARIANTS)]
        rows.append(np.hstack([_as_served(each) for each in [pixels, *variants]]))
    return operations.to_8_bit_image(np.vstack(rows))


def _as_served(pixels: Pixels) -> Pixels:
    return prepare_model_input(Radiograph(pixels), Preprocessing()).pixels

"""Fits the appearance model, by which images that are no chest are recognised.

This module must not know labels: ill and healthy chests are fitted alike.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.quality.appearance import AppearanceModel, make_thumbnail
from pipeline.values.radiograph import Radiograph
from training.data.cohort import Sample
from training.data.images import Radiographs

COMPONENTS: Final = 24


def fit_appearance(
    thumbnails: Iterable[NDArray[np.float32]], components: int = COMPONENTS
) -> AppearanceModel:
    """Fit principal components to thumbnails.

    Parameters
    ----------
    thumbnails
        (16, 16) each, as `make_thumbnail` gives them.
    components
        How many components are kept; 24 explain 87 % of the variance of chests. More components
        fit chests better, but other objects too.
    """
    samples = np.stack([thumbnail.ravel() for thumbnail in thumbnails]).astype(np.float64)
    mean = samples.mean(axis=0)
    _, singular, directions = np.linalg.svd(samples - mean, full_matrices=False)
    variances = singular**2 / len(samples)
    return AppearanceModel(
        mean=mean.astype(np.float32),
        components=directions[:components].astype(np.float32),
        variances=variances[:components].astype(np.float32),
        residual_variance=float(variances[components:].mean()),
    )


def write_appearance(model: AppearanceModel, file: Path) -> None:
    """Write the model as plain arrays."""
    np.savez_compressed(
        file,
        mean=model.mean,
        components=model.components,
        variances=model.variances,
        residual_variance=np.float64(model.residual_variance),
    )


def make_thumbnails(data: Path, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
    """Prepare radiographs as the network sees them, and shrink them."""
    radiographs = Radiographs(data, samples)
    return [
        make_thumbnail(
            prepare_model_input(Radiograph(radiographs.pixels(index)), Preprocessing()).pixels
        )
        for index in range(len(radiographs))
    ]

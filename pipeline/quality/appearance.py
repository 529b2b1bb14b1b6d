"""Judges from the image, since headers are often wrong, whether it is an upright frontal chest.

It uses a small statistical model of chest radiographs (``appearance.npz``, fitted by
``training/quality/appearance.py``). This module must not know headers, nor the classifier.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.codes import Flag, ReasonCode
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.errors import RejectedInputError

MODEL_FILE: Final = Path(__file__).parent / "appearance.npz"
THUMBNAIL_PX: Final = 16

# Distances of 6,437 chests of three hospitals: median 0.9, 99.5 % below 3.3, all but one below 6
# (that one has a white collimator); a hand 6.7, a test pattern 9.1, knees 5.9. The two limits are
# in `EligibilityPolicy`.

# The turned or inverted image counts as the right one if its distance is smaller by this factor,
# and below this limit. Of the 6,437 that holds for seven; five are indeed inverted or upside down.
_LEAST_FACTOR: Final = 1.5
_LARGEST_USUAL_DISTANCE: Final = 2.5


@dataclass(frozen=True, slots=True)
class AppearanceModel:
    """Principal components of chest thumbnails, each with mean 0 and variance 1.

    Attributes
    ----------
    mean
        (256,): the mean thumbnail.
    components
        (k, 256), orthonormal.
    variances
        (k,): of each component.
    residual_variance
        Mean variance of all other directions.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    variances: NDArray[np.float32]
    residual_variance: float

    def distance(self, thumbnail: NDArray[np.float32]) -> float:
        """Return the squared distance from the training chests, whose mean is 1.

        References
        ----------
        Moghaddam and Pentland, Probabilistic visual learning for object representation, 1997:
        Mahalanobis distance within the components, plus the scaled residual.
        """
        deviation = thumbnail.ravel() - self.mean
        coefficients = self.components @ deviation
        within = float(np.sum(coefficients**2 / self.variances))
        residual = float(deviation @ deviation - coefficients @ coefficients)
        return (within + residual / self.residual_variance) / deviation.size


def judge_appearance(
    pixels: NDArray[np.float32], policy: EligibilityPolicy, model: AppearanceModel | None = None
) -> frozenset[Flag]:
    """Compare a model input with the training chests, as it is, turned and inverted.

    Parameters
    ----------
    pixels
        (128, 128), float32 in [0, 1]: the whole exposed field, contrast stretched.
    policy
        Its ``unusual_distance`` and ``refused_distance``.

    Returns
    -------
    frozenset[Flag]
        UNUSUAL_APPEARANCE; POLARITY_SUSPECT or ROTATION_SUSPECT where the inverted or turned image
        looks far more like a chest.

    Raises
    ------
    RejectedInputError
        NOT_A_CHEST_RADIOGRAPH, if it looks like no chest, neither turned nor inverted.
    """
    model = model or load_appearance_model()
    thumbnail = make_thumbnail(pixels)
    distances = {
        (quarter_turns, is_inverted): model.distance(
            np.rot90(-thumbnail if is_inverted else thumbnail, quarter_turns)
        )
        for quarter_turns in range(4)
        for is_inverted in (False, True)
    }
    as_it_is = distances[0, False]
    best = min(distances, key=distances.__getitem__)
    flags = set()
    if distances[best] <= _LARGEST_USUAL_DISTANCE and as_it_is > _LEAST_FACTOR * distances[best]:
        quarter_turns, is_inverted = best
        if quarter_turns:
            flags.add(Flag.ROTATION_SUSPECT)
        if is_inverted:
            flags.add(Flag.POLARITY_SUSPECT)
    elif as_it_is > policy.refused_distance:
        raise RejectedInputError(
            ReasonCode.NOT_A_CHEST_RADIOGRAPH,
            f"the image does not look like a chest radiograph (distance {as_it_is:.1f}, "
            f"refused above {policy.refused_distance:g})",
        )
    if as_it_is > policy.unusual_distance:
        flags.add(Flag.UNUSUAL_APPEARANCE)
    return frozenset(flags)


def make_thumbnail(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shrink a square image to 16 x 16 block means, then to mean 0 and variance 1."""
    block = pixels.shape[0] // THUMBNAIL_PX
    blocks = pixels[: block * THUMBNAIL_PX, : block * THUMBNAIL_PX]
    means = blocks.reshape(THUMBNAIL_PX, block, THUMBNAIL_PX, block).mean(axis=(1, 3))
    centered = means - means.mean()
    thumbnail: NDArray[np.float32] = centered / max(float(centered.std()), 1e-6)
    return thumbnail


@cache
def load_appearance_model(file: Path = MODEL_FILE) -> AppearanceModel:
    """Load the model of the package: plain arrays, no pickled objects."""
    with np.load(file, allow_pickle=False) as arrays:
        return AppearanceModel(
            mean=arrays["mean"],
            components=arrays["components"],
            variances=arrays["variances"],
            residual_variance=float(arrays["residual_variance"]),
        )

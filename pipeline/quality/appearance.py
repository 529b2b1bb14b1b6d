"""Judges by the image itself whether this is an upright frontal chest, since headers lie.

This module must not know headers, nor the classifier. It holds a small statistical model of what
chest radiographs look like (``appearance.npz``, made by ``training/quality/appearance.py``).
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
# (that one has a white collimator); a hand 6.7, a test pattern 9.1, knees 5.9. The policy holds
# the two limits.

# Turned or inverted, it must look this much more like a chest, and like a usual one. Of the 6,437
# that holds for seven; five of them are indeed inverted or upside down.
_CLEARLY_BETTER: Final = 1.5
_USUAL: Final = 2.5


@dataclass(frozen=True, slots=True)
class AppearanceModel:
    """Principal components of chest thumbnails, each with mean 0 and variance 1.

    Attributes
    ----------
    mean
        (256,): the mean thumbnail.
    components
        (k, 256): orthonormal directions in which chests differ most.
    variances
        (k,): how much they differ in each.
    residual_variance
        Mean variance of all other directions.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    variances: NDArray[np.float32]
    residual_variance: float

    def distance(self, thumbnail: NDArray[np.float32]) -> float:
        """Give the squared distance from the chests, 1 on average for chests.

        References
        ----------
        Moghaddam and Pentland, Probabilistic visual learning for object representation, 1997:
        Mahalanobis distance within the components, plus what they cannot explain.
        """
        deviation = thumbnail.ravel() - self.mean
        coefficients = self.components @ deviation
        within = float(np.sum(coefficients**2 / self.variances))
        beyond = float(deviation @ deviation - coefficients @ coefficients)
        return (within + beyond / self.residual_variance) / deviation.size


@dataclass(frozen=True, slots=True)
class Appearance:
    """How an image looks.

    Attributes
    ----------
    distance
        From the chests: about 1 for most of them.
    flags
        UNUSUAL_APPEARANCE; POLARITY_SUSPECT or ROTATION_SUSPECT where the inverted or turned image
        would be a far better chest.
    """

    distance: float
    flags: frozenset[Flag]


def judge_appearance(
    pixels: NDArray[np.float32], policy: EligibilityPolicy, model: AppearanceModel | None = None
) -> Appearance:
    """Compare a model input with the chests, as it is, turned and inverted.

    Parameters
    ----------
    pixels
        (128, 128), float32 in [0, 1]: cropped and stretched as the network sees it.
    policy
        Holds the distances from which an image is flagged and refused.

    Raises
    ------
    RejectedInputError
        NOT_A_CHEST_RADIOGRAPH, if it looks like no chest either way.
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
    if distances[best] <= _USUAL and as_it_is > _CLEARLY_BETTER * distances[best]:
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
    return Appearance(as_it_is, frozenset(flags))


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
    """Load the model that comes with the package: plain arrays, no objects."""
    with np.load(file, allow_pickle=False) as arrays:
        return AppearanceModel(
            mean=arrays["mean"],
            components=arrays["components"],
            variances=arrays["variances"],
            residual_variance=float(arrays["residual_variance"]),
        )

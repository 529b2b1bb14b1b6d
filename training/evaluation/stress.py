"""Measures how perturbations that a radiologist would read through change the score.

This module must not know how the network was trained.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.values.radiograph import Radiograph
from training.data import image_operations as operations
from training.data.cohort import Sample
from training.data.image_operations import AffineTransform, Pixels
from training.data.images import Radiographs
from training.metrics import area_under_curve
from training.progress import with_progress

_NOISE: Final = np.random.default_rng(0).standard_normal((224, 224), np.float32)
# Dilation of the lung mask before lungs are blanked or kept, in 1 / 56 of the width.
_MARGIN: Final = 1
WITHOUT_LUNGS: Final = "lungs blanked out"
LUNGS_ALONE: Final = "only the lungs left"


def _add_marker(pixels: Pixels) -> Pixels:
    return np.maximum(pixels, operations.draw_text(pixels, "R", 14, 10, 22))


def _add_border(pixels: Pixels) -> Pixels:
    changed = pixels.copy()
    width = round(0.06 * len(pixels))
    changed[:width] = changed[-width:] = changed[:, :width] = changed[:, -width:] = 0
    return changed


def _add_noise(pixels: Pixels) -> Pixels:
    return np.clip(pixels + np.float32(0.03) * np.resize(_NOISE, pixels.shape), 0, 1)


def _halve_resolution(pixels: Pixels) -> Pixels:
    rows, columns = pixels.shape
    small = operations.resize(pixels, rows // 2, columns // 2, Image.Resampling.BICUBIC)
    return operations.resize(small, rows, columns, Image.Resampling.BICUBIC)


def _affine(transform: AffineTransform) -> Callable[[Pixels], Pixels]:
    return lambda pixels: operations.apply_affine(pixels, transform)


# Moderate: a radiologist could still read the radiograph.
PERTURBATIONS: Final[dict[str, Callable[[Pixels], Pixels]]] = {
    "brighter by 0.1": lambda pixels: operations.adjust_brightness(pixels, 0.1),
    "darker by 0.1": lambda pixels: operations.adjust_brightness(pixels, -0.1),
    "gamma 0.75": lambda pixels: operations.adjust_gamma(pixels, 0.75),
    "gamma 1.33": lambda pixels: operations.adjust_gamma(pixels, 1.33),
    "contrast x 0.75": lambda pixels: operations.adjust_contrast(pixels, 0.75),
    "contrast x 1.33": lambda pixels: operations.adjust_contrast(pixels, 1.33),
    "noise 0.03": _add_noise,
    "blur 1 px": lambda pixels: operations.gaussian_blur(pixels, 1.0),
    "JPEG quality 40": lambda pixels: operations.compress_as_jpeg(pixels, 40),
    "half the resolution": _halve_resolution,
    "turned 7 degrees left": _affine(AffineTransform(angle_deg=7)),
    "turned 7 degrees right": _affine(AffineTransform(angle_deg=-7)),
    "shifted 5 %": _affine(AffineTransform(right=0.05, down=0.05)),
    "zoom 0.9": _affine(AffineTransform(zoom=0.9)),
    "zoom 1.1": _affine(AffineTransform(zoom=1.1)),
    "aspect 0.9": _affine(AffineTransform(aspect=0.9)),
    "aspect 1.1": _affine(AffineTransform(aspect=1.1)),
    "black border 6 %": _add_border,
    "side letter pasted": _add_marker,
    "mirrored": _affine(AffineTransform(mirrored=True)),
}


@dataclass(frozen=True, slots=True)
class Scorer:
    """The preprocessing and the scores of a release, or of a trained run.

    Attributes
    ----------
    classify
        (n, size, size) float32 in [0, 1] -> (n,) probabilities.
    """

    preprocessing: Preprocessing
    classify: Callable[[NDArray[np.float32]], NDArray[np.float64]]

    def score(self, images: Iterable[Pixels]) -> NDArray[np.float64]:
        """Prepare and score radiographs of any size, float32 in [0, 1]."""
        prepared = [
            prepare_model_input(Radiograph(image), self.preprocessing).pixels for image in images
        ]
        return self.classify(np.stack(prepared))


@dataclass(frozen=True, slots=True)
class Stress:
    """The effect of one perturbation on a set of radiographs.

    Attributes
    ----------
    auc
        Under the perturbation.
    auc_fall
        From the unperturbed AUC of the same images.
    flips
        Images whose class at probability 0.5 changes.
    shift
        Mean absolute change of the probability.
    """

    perturbation: str
    images: int
    auc: float
    auc_fall: float
    flips: int
    shift: float


def stress(scorer: Scorer, radiographs: Radiographs, plain: NDArray[np.float64]) -> list[Stress]:
    """Score every radiograph under every perturbation.

    Parameters
    ----------
    scorer
        Of the network under test.
    radiographs
        Of one source, both classes.
    plain
        (n,), the probabilities of the unperturbed radiographs.
    """
    positive = np.array([sample.is_positive for sample in radiographs.samples])
    return [
        _compare(name, positive, plain, scorer.score(map(change, _pixels(radiographs))))
        for name, change in with_progress(PERTURBATIONS.items(), "perturbations")
    ]


def blank_lungs(
    scorer: Scorer, radiographs: Radiographs, plain: NDArray[np.float64]
) -> list[Stress]:
    """Score the radiographs that have a lung mask without their lungs, and with lungs only.

    What is removed gets the radiograph's median gray. A network that reads lungs falls to chance
    without them, and keeps its AUC with lungs only.
    """
    masked = [i for i in range(len(radiographs)) if radiographs.mask(i) is not None]
    if not masked:
        return []
    positive = np.array([radiographs.samples[i].is_positive for i in masked])
    blanked, kept = [], []
    for index in masked:
        pixels, mask = radiographs.pixels(index), radiographs.mask(index)
        if mask is not None:
            lungs = operations.dilate_mask(mask, _MARGIN)
            gray = np.float32(np.median(pixels))
            blanked.append(lungs * gray + (1 - lungs) * pixels)
            kept.append(lungs * pixels + (1 - lungs) * gray)
    return [
        _compare(name, positive, plain[masked], scorer.score(images))
        for name, images in ((WITHOUT_LUNGS, blanked), (LUNGS_ALONE, kept))
    ]


def compare_native(scorer: Scorer, data: Path, samples: Sequence[Sample]) -> NDArray[np.float64]:
    """Score the radiographs that the cohort also has at native size.

    Returns
    -------
    numpy.ndarray
        (pairs, 2), float64: the probability of the native file and of its 224 px copy; no pairs
        where the cohort has none.
    """
    paired = [s for s in samples if s.native_path and s.native_path != s.path]
    pairs = [
        (
            operations.read_pixels(data / sample.native_path),
            operations.read_pixels(data / sample.path),
        )
        for sample in with_progress(paired, "native files")
    ]
    if not pairs:
        return np.empty((0, 2))
    native, copies = zip(*pairs, strict=True)
    return np.stack([scorer.score(native), scorer.score(copies)], axis=1)


def _pixels(radiographs: Radiographs) -> list[Pixels]:
    return [radiographs.pixels(index) for index in range(len(radiographs))]


def _compare(
    name: str,
    positive: NDArray[np.bool_],
    plain: NDArray[np.float64],
    changed: NDArray[np.float64],
) -> Stress:
    auc = area_under_curve(positive, changed)
    return Stress(
        perturbation=name,
        images=len(plain),
        auc=auc,
        auc_fall=area_under_curve(positive, plain) - auc,
        flips=int(np.sum((plain >= 0.5) != (changed >= 0.5))),  # noqa: PLR2004
        shift=float(np.abs(changed - plain).mean()),
    )

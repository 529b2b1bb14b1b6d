"""Compares trained runs: on the home population, and on hospitals they have and have not seen.

This module must not know how a run was trained, nor how a comparison is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.preprocessing import Preprocessing
from training.calibrate import HOME, apply_calibration, fit_calibration
from training.cohort import Part, Sample
from training.dataset import Radiographs, prepare_all
from training.metrics import Confusion, area_under_curve, confuse
from training.recipe import Recipe
from training.run import load_averaged, network_logits

THRESHOLD: Final = 0.5


@dataclass(frozen=True, slots=True)
class Outside:
    """How a run orders the images of one source.

    Attributes
    ----------
    unseen
        Whether no image of the source was trained on; then all of them are measured, else those
        of the test part. Of RSNA's, normal against opacity.
    """

    auc: float
    images: int
    unseen: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one run reaches.

    Attributes
    ----------
    confusion
        On the home population's test part at probability 0.5, calibrated on its validation part;
        None for a run that did not see the home population.
    outside
        By source, the home population among them.
    """

    run: str
    network: str
    trained_on: tuple[str, ...]
    confusion: Confusion | None
    outside: dict[str, Outside]


def compare_runs(runs: Sequence[Path], data: Path, samples: Sequence[Sample]) -> list[Comparison]:
    """Score each run on the split cohort that it was trained on."""
    return [_compare_run(run, data, samples) for run in runs]


def _compare_run(run: Path, data: Path, samples: Sequence[Sample]) -> Comparison:
    recipe = Recipe.read(run)
    network = load_averaged(run)
    outside = {}
    for source in sorted({sample.source for sample in samples}):
        unseen = source not in recipe.mixture.images
        chosen = [
            sample
            for sample in samples
            if sample.source == source
            and sample.label != "ABNORMAL_NO_OPACITY"
            and (unseen or sample.part == Part.TEST)
        ]
        logits, positive = _score(network, data, chosen, recipe.preprocessing)
        outside[source] = Outside(area_under_curve(positive, logits), len(chosen), unseen)
    at_home = [sample for sample in samples if sample.source == HOME]
    return Comparison(
        run=run.name,
        network=recipe.network,
        trained_on=tuple(recipe.mixture.images),
        confusion=(
            _confuse_at_home(network, data, at_home, recipe.preprocessing)
            if HOME in recipe.mixture.images
            else None
        ),
        outside=outside,
    )


def _confuse_at_home(
    network: Any,  # noqa: ANN401
    data: Path,
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
) -> Confusion:
    validation = [sample for sample in samples if sample.part == Part.VALIDATION]
    logits, positive = _score(network, data, validation, preprocessing)
    calibration = fit_calibration(logits, positive, [HOME] * len(logits))
    test = [sample for sample in samples if sample.part == Part.TEST]
    logits, positive = _score(network, data, test, preprocessing)
    return confuse(positive, apply_calibration(calibration, logits) >= THRESHOLD)


def _score(
    network: Any,  # noqa: ANN401
    data: Path,
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    pixels, positive = prepare_all(Radiographs(data, samples), preprocessing)
    return network_logits(network, pixels), positive

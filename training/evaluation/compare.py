"""Compares trained runs on the home population, and on hospitals seen and not seen in training.

This module must not know how a run was trained, nor how a comparison is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.framing.preprocessing import Preprocessing
from pipeline.release import Calibration
from training.data.cohort import Part, Sample
from training.data.images import Radiographs, prepare_all
from training.data.sources import HOME
from training.evaluation.by_source import THRESHOLD
from training.evaluation.calibration import apply_calibration, fit_calibration
from training.evaluation.stress import (
    Scorer,
    Stress,
    blank_lungs,
    stress,
)
from training.fitting.provenance import read_recipe
from training.fitting.recipe import Recipe
from training.fitting.run import load_averaged, network_logits
from training.metrics import Confusion, area_under_curve, count_confusion


@dataclass(frozen=True, slots=True)
class ViewResult:
    """AUC of a run on the images of one source and one view."""

    ill: int
    healthy: int
    auc: float


@dataclass(frozen=True, slots=True)
class SourceResult:
    """AUC of a run on the images of one source; of RSNA, normal against opacity.

    Attributes
    ----------
    unseen
        Whether neither the run nor a run or release that it learned from was trained on the
        source. If so, all its images are scored, else those of the part asked for.
    by_view
        The same within one view: where portable radiographs (AP) are ill more often, or less
        often, the view alone separates the classes.
    """

    auc: float
    images: int
    unseen: bool
    by_view: dict[str, ViewResult]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of one run.

    Attributes
    ----------
    confusion
        On one part of the home population at probability 0.5, calibrated on its validation part;
        None for a run that was not trained on the home population.
    outside
        By source, including the home population; the name is that of the JSON report.
    stressed
        The same part of the home population under every perturbation, then without lungs and with
        lungs only; empty where it was not asked for.
    """

    run: str
    network: str
    trained_on: tuple[str, ...]
    confusion: Confusion | None
    outside: dict[str, SourceResult]
    stressed: Sequence[Stress] = ()


def compare_runs(
    runs: Sequence[Path],
    data: Path,
    samples: Sequence[Sample],
    part: Part = Part.TEST,
    *,
    under_stress: bool = False,
) -> list[Comparison]:
    """Score each run on one part of a split cohort.

    Raises
    ------
    TrainingError
        If a run was trained by another split.
    """
    # All recipes are read before the first run is scored, which takes minutes.
    recipes = [read_recipe(run, samples) for run in runs]
    images = _Images(data, samples)
    return [
        _compare_run(run, recipe, images, part, under_stress=under_stress)
        for run, recipe in zip(runs, recipes, strict=True)
    ]


class _Images:
    """A cohort's radiographs by source and part, read and prepared once for all runs."""

    def __init__(self, data: Path, samples: Sequence[Sample]) -> None:
        self._data = data
        self._samples = samples
        self.sources = sorted({sample.source for sample in samples})
        self.read = cache(self._read)
        self.prepare = cache(self._prepare)

    def _read(self, source: str, part: Part | None) -> Radiographs:
        """Read a part of a source, or all of it; of RSNA only normal and opacity."""
        return Radiographs(
            self._data,
            [
                sample
                for sample in self._samples
                if sample.source == source
                and sample.label != "ABNORMAL_NO_OPACITY"
                and part in {None, sample.part}
            ],
        )

    def _prepare(
        self, source: str, part: Part | None, preprocessing: Preprocessing
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        return prepare_all(self.read(source, part), preprocessing)


def _compare_run(
    run: Path, recipe: Recipe, images: _Images, part: Part, *, under_stress: bool
) -> Comparison:
    network = load_averaged(run)

    @cache
    def score(source: str, part: Part | None) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        pixels, positive = images.prepare(source, part, recipe.preprocessing)
        return network_logits(network, pixels), positive

    seen = recipe.seen or tuple(recipe.sampling.images)
    outside = {}
    for source in images.sources:
        scored_part = part if source in seen else None
        logits, positive = score(source, scored_part)
        views = [sample.view for sample in images.read(source, scored_part).samples]
        outside[source] = SourceResult(
            area_under_curve(positive, logits),
            len(logits),
            source not in seen,
            _measure_views(views, positive, logits),
        )
    confusion = None
    if HOME in recipe.sampling.images:
        logits, positive = score(HOME, Part.VALIDATION)
        calibration = fit_calibration(logits, positive, [HOME] * len(logits))
        logits, positive = score(HOME, part)
        confusion = count_confusion(positive, apply_calibration(calibration, logits) >= THRESHOLD)
    return Comparison(
        run=run.name,
        network=recipe.network,
        trained_on=tuple(recipe.sampling.images),
        confusion=confusion,
        outside=outside,
        stressed=(
            _stress(network, recipe.preprocessing, images.read(HOME, part)) if under_stress else ()
        ),
    )


def _measure_views(
    views: Sequence[str], positive: NDArray[np.bool_], logits: NDArray[np.float64]
) -> dict[str, ViewResult]:
    results = {}
    for view in sorted(set(views) - {""}):
        chosen = np.array([each == view for each in views])
        ill = int(positive[chosen].sum())
        healthy = int(chosen.sum()) - ill
        if ill and healthy:
            auc = area_under_curve(positive[chosen], logits[chosen])
            results[view] = ViewResult(ill, healthy, auc)
    return results


def _stress(
    network: Any,  # noqa: ANN401
    preprocessing: Preprocessing,
    radiographs: Radiographs,
) -> list[Stress]:
    scorer = Scorer(
        preprocessing,
        lambda pixels: apply_calibration(Calibration(1.0, 0.0), network_logits(network, pixels)),
    )
    plain = scorer.score(radiographs.pixels(index) for index in range(len(radiographs)))
    return [*stress(scorer, radiographs, plain), *blank_lungs(scorer, radiographs, plain)]

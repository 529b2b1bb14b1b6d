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
from pipeline.release import Calibration
from training.calibrate import HOME, apply_calibration, fit_calibration
from training.cohort import Part, Sample
from training.dataset import Radiographs, prepare_all
from training.metrics import Confusion, area_under_curve, confuse
from training.recipe import Recipe
from training.run import load_averaged, network_logits
from training.stress import (
    LUNGS_ALONE,
    PERTURBATIONS,
    WITHOUT_LUNGS,
    Scorer,
    Stress,
    blank_lungs,
    stress,
)

THRESHOLD: Final = 0.5


@dataclass(frozen=True, slots=True)
class ViewOrder:
    """How a run orders the images of one source and one view."""

    ill: int
    healthy: int
    auc: float


@dataclass(frozen=True, slots=True)
class Outside:
    """How a run orders the images of one source.

    Attributes
    ----------
    unseen
        Whether no image of the source was trained on; then all of them are measured, else those
        of the part asked for. Of RSNA's, normal against opacity.
    by_view
        The same among images of one view; where portable films (AP) are ill more often, or less,
        the view alone orders them.
    """

    auc: float
    images: int
    unseen: bool
    by_view: dict[str, ViewOrder]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one run reaches.

    Attributes
    ----------
    confusion
        On one part of the home population at probability 0.5, calibrated on its validation part;
        None for a run that did not see the home population.
    outside
        By source, the home population among them.
    stressed
        The same part of the home population under every perturbation, then without its lungs and
        with nothing else; empty where it was not asked for.
    """

    run: str
    network: str
    trained_on: tuple[str, ...]
    confusion: Confusion | None
    outside: dict[str, Outside]
    stressed: Sequence[Stress] = ()


def compare_runs(
    runs: Sequence[Path],
    data: Path,
    samples: Sequence[Sample],
    part: Part = Part.TEST,
    *,
    under_stress: bool = False,
) -> list[Comparison]:
    """Score each run on one part of the split cohort that it was trained on."""
    home = [sample for sample in samples if (sample.source, sample.part) == (HOME, part)]
    stressed = Radiographs(data, home) if under_stress else None
    return [_compare_run(run, data, samples, part, stressed) for run in runs]


def tabulate(comparisons: Sequence[Comparison]) -> str:
    """Give comparisons as a table in Markdown, one run a line."""
    sources = sorted({source for comparison in comparisons for source in comparison.outside})
    under_stress = any(comparison.stressed for comparison in comparisons)
    rows = [
        ["run", "network", "missed", "false alarms", "accuracy"]
        + [f"AUC {source}" for source in sources]
        + (["largest fall", "without lungs", "lungs alone"] if under_stress else [])
    ]
    rows.append(["---"] * len(rows[0]))
    for comparison in comparisons:
        confusion = comparison.confusion
        at_home = ["", "", ""]
        if confusion:
            at_home = [
                str(confusion.false_negative),
                str(confusion.false_positive),
                f"{confusion.accuracy:.3f}",
            ]
        outside = [comparison.outside[source] for source in sources]
        orders = [f"{each.auc:.4f}{'*' * each.unseen}" for each in outside]
        falls = _describe_stress(comparison.stressed) if under_stress else []
        rows.append([comparison.run, comparison.network, *at_home, *orders, *falls])
    return _to_markdown(rows)


def tabulate_views(comparisons: Sequence[Comparison]) -> str:
    """Give the order within each view as a table in Markdown, one run, source and view a line."""
    rows = [["run", "source", "view", "ill", "healthy", "AUC"], ["---"] * 6]
    rows += [
        [comparison.run, source, view, str(order.ill), str(order.healthy), f"{order.auc:.3f}"]
        for comparison in comparisons
        for source, outside in comparison.outside.items()
        for view, order in outside.by_view.items()
    ]
    return _to_markdown(rows)


def _to_markdown(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _describe_stress(stressed: Sequence[Stress]) -> list[str]:
    results = {result.perturbation: result for result in stressed}
    worst = max((results[name] for name in PERTURBATIONS), key=lambda result: result.auc_fall)
    blanked = [
        f"{results[name].auc:.3f}" if name in results else ""
        for name in (WITHOUT_LUNGS, LUNGS_ALONE)
    ]
    return [f"{worst.auc_fall:.4f} ({worst.perturbation})", *blanked]


def _compare_run(
    run: Path,
    data: Path,
    samples: Sequence[Sample],
    part: Part,
    stressed: Radiographs | None,
) -> Comparison:
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
            and (unseen or sample.part == part)
        ]
        logits, positive = _score(network, data, chosen, recipe.preprocessing)
        outside[source] = Outside(
            area_under_curve(positive, logits),
            len(chosen),
            unseen,
            _order_views([sample.view for sample in chosen], positive, logits),
        )
    at_home = [sample for sample in samples if sample.source == HOME]
    return Comparison(
        run=run.name,
        network=recipe.network,
        trained_on=tuple(recipe.mixture.images),
        confusion=(
            _confuse_at_home(network, data, at_home, recipe.preprocessing, part)
            if HOME in recipe.mixture.images
            else None
        ),
        outside=outside,
        stressed=(
            _put_under_stress(network, recipe.preprocessing, stressed)
            if stressed is not None
            else ()
        ),
    )


def _order_views(
    views: Sequence[str], positive: NDArray[np.bool_], logits: NDArray[np.float64]
) -> dict[str, ViewOrder]:
    orders = {}
    for view in sorted(set(views) - {""}):
        chosen = np.array([each == view for each in views])
        ill = int(positive[chosen].sum())
        healthy = int(chosen.sum()) - ill
        if ill and healthy:
            auc = area_under_curve(positive[chosen], logits[chosen])
            orders[view] = ViewOrder(ill, healthy, auc)
    return orders


def _put_under_stress(
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


def _confuse_at_home(
    network: Any,  # noqa: ANN401
    data: Path,
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
    part: Part,
) -> Confusion:
    validation = [sample for sample in samples if sample.part == Part.VALIDATION]
    logits, positive = _score(network, data, validation, preprocessing)
    calibration = fit_calibration(logits, positive, [HOME] * len(logits))
    chosen = [sample for sample in samples if sample.part == part]
    logits, positive = _score(network, data, chosen, preprocessing)
    return confuse(positive, apply_calibration(calibration, logits) >= THRESHOLD)


def _score(
    network: Any,  # noqa: ANN401
    data: Path,
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    pixels, positive = prepare_all(Radiographs(data, samples), preprocessing)
    return network_logits(network, pixels), positive

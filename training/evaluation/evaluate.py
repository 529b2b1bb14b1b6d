"""Measures a release on a cohort, and writes the figures as an HTML report and as JSON.

Choices are made on the validation part. The test part is scored here, in `training.release.build`
for the model card, and in `training.evaluation.compare` where it is asked for. This module must not
know how anything was trained or chosen.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.classifier import Classifier
from training.data.cohort import Part, Sample
from training.data.images import Radiographs, prepare_all
from training.data.sources import HOME
from training.evaluation.by_source import measure_sources, measure_subtypes
from training.evaluation.calibration import apply_calibration
from training.evaluation.compare import compare_runs
from training.evaluation.evaluation import Evaluation, Scored
from training.evaluation.evaluation_page import compose_page
from training.evaluation.stress import Scorer, blank_lungs, compare_native, stress
from training.fitting.provenance import read_recipe, require_split_of_release
from training.fitting.run import HISTORY_FILE
from training.metrics import calibration_error


def evaluate(
    release: Path,
    runs: Sequence[Path],
    data: Path,
    samples: Sequence[Sample],
    out: Path,
    *,
    part: Part = Part.TEST,
) -> dict[str, Any]:
    """Write ``report.html`` and ``report.json``.

    Parameters
    ----------
    release
        Folder of the release to measure.
    runs
        Folders of runs to compare; the first is the release's own, and gives the learning curves.
    data, samples
        A split cohort.
    out
        Folder to write to. The report holds radiographs: mind the data's licence.
    part
        The part of the cohort to score. Calibration and operating points were chosen on validation
        images, so that on those only AUC and differences between runs are meaningful.

    Returns
    -------
    dict
        The contents of the JSON report.
    """
    classifier = Classifier.load(release)
    require_split_of_release(release, classifier.release, samples)
    for run in runs:  # refused before the minutes of scoring
        read_recipe(run, samples)
    scored = _score(classifier, data, [sample for sample in samples if sample.part == part])
    home = scored.of(HOME)
    at_home = Radiographs(data, [s for s in scored.radiographs.samples if s.source == HOME])
    scorer = Scorer(classifier.release.preprocessing, classifier.classify)
    evaluation = Evaluation(
        release=classifier.release,
        folder=release,
        part=part,
        scored=scored,
        stressed=stress(scorer, at_home, scored.probability[home]),
        lungs=blank_lungs(scorer, at_home, scored.probability[home]),
        native_and_copy=compare_native(scorer, data, samples),
        comparisons=compare_runs(runs, data, samples, part),
        history=json.loads((runs[0] / HISTORY_FILE).read_text("utf-8")) if runs else [],
    )
    figures = summarise(evaluation)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (out / "report.html").write_text(compose_page(evaluation, figures), encoding="utf-8")
    return figures


def summarise(evaluation: Evaluation) -> dict[str, Any]:
    """Give every figure of an evaluation, as the JSON report holds it."""
    scored, home = evaluation.scored, evaluation.scored.of(HOME)
    samples = scored.radiographs.samples
    positive = scored.positive[home]
    difference = np.abs(np.diff(evaluation.native_and_copy, axis=1))
    return {
        "release": evaluation.release.name,
        "part": evaluation.part,
        "sources": measure_sources(
            samples,
            scored.positive,
            scored.probability,
            evaluation.release.operating_points,
        ),
        "subtypes": measure_subtypes(samples, scored.positive, scored.probability),
        "calibration_error_before": calibration_error(positive, scored.uncalibrated[home]),
        "calibration_error_after": calibration_error(positive, scored.probability[home]),
        "perturbations": [asdict(result) for result in evaluation.stressed],
        "lungs": [asdict(result) for result in evaluation.lungs],
        "native_against_copy": {
            "pairs": len(difference),
            "mean_absolute_difference": float(np.mean(difference)) if len(difference) else 0.0,
            "largest_difference": float(np.max(difference, initial=0.0)),
        },
        "comparisons": [asdict(comparison) for comparison in evaluation.comparisons],
        "history": evaluation.history,
    }


def _score(classifier: Classifier, data: Path, samples: Sequence[Sample]) -> Scored:
    radiographs = Radiographs(data, samples)
    pixels, positive = prepare_all(radiographs, classifier.release.preprocessing)
    logits = classifier.logits(pixels)
    calibrated = apply_calibration(classifier.release.calibration, logits)
    return Scored(radiographs, pixels, positive, logits, calibrated)

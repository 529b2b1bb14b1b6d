"""Figures of a scored part of a cohort, by source and by kind of pneumonia.

This module must not know any network or image.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.values.screening import OperatingPoints
from training.data.cohort import Sample
from training.data.sources import HOME
from training.metrics import measure_with_intervals

THRESHOLD: Final = 0.5


def measure_sources(
    samples: Sequence[Sample],
    positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
    points: OperatingPoints,
) -> dict[str, Any]:
    """Give the figures of every source that has both classes, at 0.5 and both operating points.

    RSNA is measured twice: on all images, and (``rsna_normal_or_opacity``) without those that are
    abnormal but show no opacity, as the literature does.
    """
    origin = np.array([sample.source for sample in samples])
    groups = np.array([sample.patient_group for sample in samples])
    labels = np.array([sample.label for sample in samples])
    subsets = {source: origin == source for source in sorted(set(origin))}
    if "rsna" in subsets:
        subsets["rsna_normal_or_opacity"] = subsets["rsna"] & (labels != "ABNORMAL_NO_OPACITY")
    thresholds = {
        "at_one_half": THRESHOLD,
        "at_high_sensitivity": points.high_sensitivity,
        "at_high_specificity": points.high_specificity,
    }
    return {
        subset: {"images": int(chosen.sum()), "ill": int(positive[chosen].sum())}
        | {
            name: {
                figure: asdict(value)
                for figure, value in measure_with_intervals(
                    positive[chosen], probability[chosen], list(groups[chosen]), threshold
                ).items()
            }
            for name, threshold in thresholds.items()
        }
        for subset, chosen in subsets.items()
        if len(set(positive[chosen])) > 1
    }


def measure_subtypes(
    samples: Sequence[Sample], positive: NDArray[np.bool_], probability: NDArray[np.float64]
) -> dict[str, Any]:
    """Measure each kind of pneumonia of the home population against all its normals, at 0.5."""
    home = np.array([sample.source == HOME for sample in samples])
    subtypes = np.array([sample.subtype for sample in samples])
    groups = np.array([sample.patient_group for sample in samples])
    measured = {}
    for subtype in sorted({sample.subtype for sample in samples if sample.subtype}):
        chosen = home & ((subtypes == subtype) | ~positive)
        figures = measure_with_intervals(
            positive[chosen], probability[chosen], list(groups[chosen]), THRESHOLD
        )
        measured[subtype] = {"ill": int(np.sum(subtypes == subtype))} | {
            name: asdict(figure) for name, figure in figures.items()
        }
    return measured

"""Figures of a classifier on labelled images, with bootstrap intervals.

This module must not know any network or image: arrays in, numbers out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

RESAMPLES: Final = 1000
CALIBRATION_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Confusion:
    """The confusion matrix; pneumonia is positive."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @property
    def accuracy(self) -> float:
        """Share of images classified correctly."""
        right = self.true_positive + self.true_negative
        return right / (right + self.false_negative + self.false_positive)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval of a bootstrap over patients."""

    value: float
    low: float
    high: float


def count_confusion(positive: NDArray[np.bool_], called: NDArray[np.bool_]) -> Confusion:
    """Count the confusion matrix."""
    return Confusion(
        true_positive=int(np.sum(positive & called)),
        false_negative=int(np.sum(positive & ~called)),
        false_positive=int(np.sum(~positive & called)),
        true_negative=int(np.sum(~positive & ~called)),
    )


def bin_of(probability: NDArray[np.float64]) -> NDArray[np.int_]:
    """Give the bin of each probability, among ten of equal width."""
    bins: NDArray[np.int_] = np.minimum(
        (probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1
    )
    return bins


def calibration_error(positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """Give the expected calibration error of the probability of pneumonia.

    The mean distance, over images, between the mean probability of an image's bin (ten of equal
    width) and the share of pneumonia in it.

    References
    ----------
    Guo et al., On calibration of modern neural networks, 2017.
    """
    gaps = np.bincount(
        bin_of(probability), weights=probability - positive, minlength=CALIBRATION_BINS
    )
    return float(np.abs(gaps).sum() / len(positive))


def measure(
    positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
    threshold: float,
) -> dict[str, float]:
    """Give every figure of one set of images, without intervals.

    A figure that is not defined, since no image is ill or none is healthy, is NaN.
    """
    once = np.ones((1, len(positive)))
    figures = _measure_weighted(positive, probability, once, threshold)
    return {name: float(value[0]) for name, value in figures.items()}


def measure_with_intervals(
    positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
    groups: Sequence[str],
    threshold: float = 0.5,
    seed: int = 1,
) -> dict[str, Estimate]:
    """Give every figure with its interval.

    Parameters
    ----------
    positive
        (n,), the labels.
    probability
        (n,), calibrated.
    groups
        The patient of each image. Patients are resampled, not images: two images of one child
        are not independent.
    threshold
        Probability from which an image is classified as ill.
    seed
        Of the resampling.
    """
    _, patients = np.unique(np.asarray(groups), return_inverse=True)
    count = int(patients.max()) + 1
    random = np.random.default_rng(seed)
    # An image's weight is how often its patient was drawn.
    drawn = random.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    weights = drawn[:, patients].astype(np.float64)
    resampled = _measure_weighted(positive, probability, weights, threshold)
    return {
        name: Estimate(value, *_interval(resampled[name]))
        for name, value in measure(positive, probability, threshold).items()
    }


def area_under_curve(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Give the share of pairs, one ill and one healthy, that the scores order correctly."""
    return float(_rank_figures(positive, scores, np.ones((1, len(positive))))[0][0])


Weights = NDArray[np.float64]


def _measure_weighted(
    positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
    weights: Weights,
    threshold: float,
) -> dict[str, Weights]:
    """Give every figure for each row of weights, (resamples, n)."""
    called = probability >= threshold
    hits = weights[:, positive & called].sum(axis=1)
    misses = weights[:, positive & ~called].sum(axis=1)
    alarms = weights[:, ~positive & called].sum(axis=1)
    clears = weights[:, ~positive & ~called].sum(axis=1)
    auc, average_precision = _rank_figures(positive, probability, weights)
    bins = bin_of(probability)
    gaps = [
        np.abs(weights[:, bins == b] @ (probability - positive)[bins == b]) for b in np.unique(bins)
    ]
    with np.errstate(invalid="ignore"):  # undefined figures are NaN
        return {
            "accuracy": (hits + clears) / weights.sum(axis=1),
            "recall": hits / (hits + misses),
            "specificity": clears / (clears + alarms),
            # No positive call means no false one.
            "precision": np.where(hits + alarms > 0, hits / (hits + alarms), 1.0),
            "f1_pneumonia": 2 * hits / (2 * hits + alarms + misses),
            "f1_normal": 2 * clears / (2 * clears + alarms + misses),
            "auc": auc,
            "average_precision": average_precision,
            "calibration_error": np.sum(gaps, axis=0) / weights.sum(axis=1),
        }


def _rank_figures(
    positive: NDArray[np.bool_], scores: NDArray[np.float64], weights: Weights
) -> tuple[Weights, Weights]:
    """Give AUC and average precision for each row of weights.

    Ties count half in the AUC, and as one threshold in the average precision.
    """
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    ill = np.add.reduceat((weights * positive)[:, order], starts, axis=1)
    healthy = np.add.reduceat((weights * ~positive)[:, order], starts, axis=1)
    all_ill, all_healthy = ill.sum(axis=1), healthy.sum(axis=1)
    above = np.cumsum(healthy, axis=1)
    found = np.cumsum(ill, axis=1)
    with np.errstate(invalid="ignore"):  # undefined figures are NaN
        auc = 1 - np.sum(ill * (above - healthy / 2), axis=1) / (all_ill * all_healthy)
        # A score that no drawn image has adds no recall: its precision does not matter.
        precision = found / np.maximum(found + above, np.finfo(np.float64).tiny)
        average_precision = np.sum(ill * precision, axis=1) / all_ill
    return auc, average_precision


def _interval(values: Weights) -> tuple[float, float]:
    low, high = np.nanquantile(values, (0.025, 0.975))
    return float(low), float(high)

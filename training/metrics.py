"""Figures of a classifier on labelled images, with intervals.

This module must not know any network or image: arrays in, numbers out.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

RESAMPLES: Final = 1000
CALIBRATION_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Confusion:
    """How many images were called what, pneumonia being positive."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @property
    def accuracy(self) -> float:
        """Share of images called rightly."""
        return _share(
            self.true_positive + self.true_negative,
            self.false_negative + self.false_positive,
        )

    @property
    def recall(self) -> float:
        """Share of the ill that were called ill."""
        return _share(self.true_positive, self.false_negative)

    @property
    def specificity(self) -> float:
        """Share of the healthy that were called healthy."""
        return _share(self.true_negative, self.false_positive)

    @property
    def precision(self) -> float:
        """Share of those called ill that are ill."""
        return _share(self.true_positive, self.false_positive)

    @property
    def f1_positive(self) -> float:
        """Harmonic mean of precision and recall of pneumonia."""
        return _share(2 * self.true_positive, self.false_positive + self.false_negative)

    @property
    def f1_negative(self) -> float:
        """Harmonic mean of precision and recall of normal."""
        return _share(2 * self.true_negative, self.false_positive + self.false_negative)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the 95 % interval of a bootstrap over patients."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f}-{self.high:.4f})"


def confuse(positive: NDArray[np.bool_], called: NDArray[np.bool_]) -> Confusion:
    """Count what was called what."""
    return Confusion(
        true_positive=int(np.sum(positive & called)),
        false_negative=int(np.sum(positive & ~called)),
        false_positive=int(np.sum(~positive & called)),
        true_negative=int(np.sum(~positive & ~called)),
    )


def calibration_error(positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """Give the expected calibration error of the probability of pneumonia.

    The mean distance, over images, between the mean probability of an image's bin (ten of equal
    width) and the share of pneumonia in it.

    References
    ----------
    Guo et al., On calibration of modern neural networks, 2017.
    """
    bins = np.minimum((probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=probability - positive, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(positive))


def measure(
    positive: NDArray[np.bool_],
    probability: NDArray[np.float64],
    threshold: float,
) -> dict[str, float]:
    """Give every figure of one set of images, without intervals."""
    counts = confuse(positive, probability >= threshold)
    return {
        "accuracy": counts.accuracy,
        "recall": counts.recall,
        "specificity": counts.specificity,
        "precision": counts.precision,
        "f1_pneumonia": counts.f1_positive,
        "f1_normal": counts.f1_negative,
        "auc": float(roc_auc_score(positive, probability)),
        "average_precision": float(average_precision_score(positive, probability)),
        "calibration_error": calibration_error(positive, probability),
    }


def estimate(
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
        are no two witnesses.
    threshold
        Probability from which an image is called ill.
    seed
        Of the resampling.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    patients = [np.array(indices) for indices in members.values()]
    random = np.random.default_rng(seed)
    samples = []
    for _ in range(RESAMPLES):
        drawn = random.integers(len(patients), size=len(patients))
        chosen = np.concatenate([patients[patient] for patient in drawn])
        if 0 < positive[chosen].sum() < len(chosen):  # else AUC is not defined
            samples.append(measure(positive[chosen], probability[chosen], threshold))
    return {
        name: Estimate(value, *_interval([sample[name] for sample in samples]))
        for name, value in measure(positive, probability, threshold).items()
    }


def _interval(values: list[float]) -> tuple[float, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _share(hits: int, misses: int) -> float:
    # Without any case there is nothing to have missed.
    return hits / (hits + misses) if hits + misses else 1.0

"""Calibrates logits to probabilities, and chooses the operating points.

Both on validation images only. This module must not know any network or image.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.release import Calibration
from pipeline.values.screening import OperatingPoints
from training.data.sources import HOME

# Weight of all other hospitals together, the home population weighing 1. Low, since their share of
# pneumonia and the quality of their labels differ; not 0, since a slope fitted to the home
# population alone is overconfident anywhere else.
ELSEWHERE_WEIGHT: Final = 0.02


def apply_calibration(calibration: Calibration, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give calibrated probabilities, as the classifier does."""
    scaled = calibration.slope * logits + calibration.offset
    return np.asarray((1 + np.tanh(scaled / 2)) / 2, np.float64)


def fit_calibration(
    logits: NDArray[np.float64],
    positive: NDArray[np.bool_],
    sources: Sequence[str],
    elsewhere_weight: float = ELSEWHERE_WEIGHT,
) -> Calibration:
    """Fit Platt scaling by weighted maximum likelihood.

    Parameters
    ----------
    logits, positive, sources
        (n,) each: of the validation images.
    elsewhere_weight
        Weight of all images from elsewhere together, the home population weighing 1.

    References
    ----------
    Platt, Probabilistic outputs for support vector machines, 1999: targets are smoothed by
    Laplace's rule; with 0 and 1, separable classes would get an infinite slope.
    """
    home = np.array([source == HOME for source in sources])
    weights = np.zeros(len(logits))
    for side, weight in ((home, 1.0), (~home, elsewhere_weight)):
        if side.any():
            weights[side] = weight / side.sum()
    ill, healthy = int(positive.sum()), int((~positive).sum())
    targets = np.where(positive, (ill + 1) / (ill + 2), 1 / (healthy + 2))

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scaled = parameters[0] * logits + parameters[1]
        value = np.sum(weights * (np.logaddexp(0, scaled) - targets * scaled))
        error = weights * ((1 + np.tanh(scaled / 2)) / 2 - targets)
        return float(value), np.array([error @ logits, error.sum()])

    # The loss is convex and has one minimum. A search without the gradient (Nelder-Mead) stopped
    # beside it.
    slope, offset = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return Calibration(float(slope), float(offset))


def choose_operating_points(
    probability: NDArray[np.float64],
    positive: NDArray[np.bool_],
    recall: float = 0.99,
    specificity: float = 0.99,
) -> OperatingPoints:
    """Choose the operating points, which bound the grey zone.

    One is the highest threshold that still finds ``recall`` of the ill, the other the lowest that
    still clears ``specificity`` of the healthy; each lies midway between two neighbouring
    probabilities. The smaller one becomes ``high_sensitivity``: where the classes are separated
    well, the order of the two is reversed.
    """
    ill, healthy = np.sort(probability[positive]), np.sort(probability[~positive])[::-1]
    missed = int((1 - recall) * len(ill))
    called = int((1 - specificity) * len(healthy))
    everything = np.sort(np.concatenate([probability, [0.0, 1.0]]))
    below = everything[everything < ill[missed]].max()
    above = everything[everything > healthy[called]].min()
    bounds = sorted([(below + ill[missed]) / 2, (above + healthy[called]) / 2])
    return OperatingPoints(float(bounds[0]), float(bounds[1]))

"""The values of an evaluation: scores and results.

This module must not know how they are measured, nor how they are shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.release import Calibration, ModelRelease
from training.data.cohort import Part
from training.data.images import Radiographs
from training.evaluation.calibration import apply_calibration
from training.evaluation.compare import Comparison
from training.evaluation.stress import Stress


@dataclass(frozen=True, slots=True)
class Scored:
    """A part of a cohort, prepared and scored by one release."""

    radiographs: Radiographs
    pixels: NDArray[np.float32]
    positive: NDArray[np.bool_]
    logits: NDArray[np.float64]
    probability: NDArray[np.float64]

    @property
    def uncalibrated(self) -> NDArray[np.float64]:
        """The sigmoid of the network's logits, without calibration."""
        return apply_calibration(Calibration(1.0, 0.0), self.logits)

    def of(self, source: str) -> NDArray[np.bool_]:
        """Give which images are of a source."""
        return np.array([sample.source == source for sample in self.radiographs.samples])


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Everything that was measured of a release.

    Attributes
    ----------
    folder
        Of the release.
    part
        The part of the cohort that was scored.
    native_and_copy
        (pairs, 2), float64: probabilities of a native file and of its 224 px copy.
    history
        Of the release's own run, one record per epoch.
    """

    release: ModelRelease
    folder: Path
    part: Part
    scored: Scored
    stressed: Sequence[Stress]
    lungs: Sequence[Stress]
    native_and_copy: NDArray[np.float64]
    comparisons: Sequence[Comparison]
    history: Sequence[Mapping[str, float]]

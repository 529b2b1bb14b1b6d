"""Runs a model release: prepared pixels in, calibrated probabilities out.

It must not know files, headers or the worklist, nor which engine runs the network.
"""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.engine import InferenceEngine
from pipeline.engines.names import EngineName
from pipeline.engines.selection import build_engine
from pipeline.errors import ClassifierError
from pipeline.release import ModelRelease, load_release


class Classifier:
    """A loaded release, with the engine that runs its network."""

    def __init__(self, release: ModelRelease, engine: InferenceEngine) -> None:
        self.release = release
        self._engine = engine

    @classmethod
    def load(
        cls, folder: Path, engine: EngineName = EngineName.TENSORFLOW, *, for_many: bool = False
    ) -> Self:
        """Check a release folder and load its weights.

        Parameters
        ----------
        engine
            TensorFlow by default, whose float32 results on the processor are the reference.
        for_many
            Whether many images will follow, so that some will need the exact engine as well.

        Raises
        ------
        ReleaseError
            If the folder is not a release, or does not fit this version.
        ClassifierError
            If the engine is not installed.
        """
        release = load_release(folder)
        return cls(release, build_engine(release, folder, engine, for_many=for_many))

    @property
    def engine(self) -> str:
        """Name of what runs the network, recorded with each screening."""
        return self._engine.name

    def warm_up(self, batch_size: int) -> None:
        """Run batches of up to ``batch_size`` once, since the first run of a size takes longer."""
        self._engine.warm_up(batch_size)

    def classify(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score prepared radiographs.

        Parameters
        ----------
        pixels
            (n, size, size), float32 in [0, 1], from `pipeline.framing.preprocessing`.

        Returns
        -------
        numpy.ndarray
            (n,), float64 in [0, 1]: calibrated probabilities of pneumonia.

        Raises
        ------
        ClassifierError
            If the network gives anything but finite numbers, which must not count as negative.
        """
        logits = self.logits(pixels)
        if not np.isfinite(logits).all():
            raise ClassifierError(
                f"release {self.release.name} gave a logit that is not a finite number; "
                "restore the release folder, then restart the worker"
            )
        calibration = self.release.calibration
        # sigmoid(x) = (1 + tanh(x / 2)) / 2, since exp(-x) could overflow.
        return (1 + np.tanh((calibration.slope * logits + calibration.offset) / 2)) / 2

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the network's outputs before calibration, (n,) float64."""
        return self._engine.logits(pixels)

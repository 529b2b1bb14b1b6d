"""The Protocol of an engine. This module must not know any library that runs networks."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.names import Precision


class InferenceEngine(Protocol):
    """A network with its weights, ready to run. One thread at a time may use it."""

    @property
    def name(self) -> str:
        """Library and precision, as recorded with each screening."""
        ...

    @property
    def precision(self) -> Precision:
        """Precision of the computation."""
        ...

    def warm_up(self, batch_size: int) -> None:
        """Run batches of up to ``batch_size`` once, since the first run of a size takes longer."""
        ...

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Run the network on any number of images, or none.

        Parameters
        ----------
        pixels
            (n, size, size), float32 in [0, 1].

        Returns
        -------
        numpy.ndarray
            (n,), float64: the network's outputs before calibration.

        Raises
        ------
        ClassifierError
            If the device cannot run a single image.
        """
        ...

"""What every engine offers. This module must not know any library that runs networks."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.names import Precision


class InferenceEngine(Protocol):
    """A network with its weights, ready to run. One thread at a time may use it."""

    @property
    def name(self) -> str:
        """What runs the network, and how exactly: recorded with each screening."""
        ...

    @property
    def precision(self) -> Precision:
        """What it computes in."""
        ...

    def warm_up(self, batch_size: int) -> None:
        """Prepare for batches of up to ``batch_size``, so that no study waits for it."""
        ...

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Run the network on any number of images, none included.

        Parameters
        ----------
        pixels
            (n, size, size), float32 in [0, 1].

        Returns
        -------
        numpy.ndarray
            (n,), float64: the network's own outputs, before calibration.

        Raises
        ------
        ClassifierError
            If the device cannot run a single image.
        """
        ...

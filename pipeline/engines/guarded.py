"""Runs a fast engine of reduced precision, and an exact one where that could change a band.

This module must not know any library that runs networks.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.engine import InferenceEngine
from pipeline.engines.names import Precision

# How far reduced precision may move a calibrated logit: three times the largest error measured.
# bfloat16 moved none of 534 radiographs by more than 0.085, but two of them across a cut-off; 8
# bits moved none of 1,366 by more than 0.07.
MARGIN: Final = 0.25


class GuardedEngine:
    """Returns the fast engine's logits, but the exact engine's for images near a cut-off.

    As long as the fast engine errs by less than the margin, no radiograph ends on another side of a
    cut-off than with the exact engine.

    Parameters
    ----------
    load_exact
        Called once: when the exact engine is first needed, or by `load_exact` or `warm_up`.
    cutoffs
        Logits at which a decision changes.
    margin
        Distance from a cut-off, in logits, within which an image is run again.
    """

    def __init__(
        self,
        fast: InferenceEngine,
        load_exact: Callable[[], InferenceEngine],
        cutoffs: Sequence[float],
        margin: float,
    ) -> None:
        self._fast = fast
        self._load_exact = load_exact
        self._cutoffs = np.asarray(cutoffs, np.float64)
        self._margin = margin

    @property
    def name(self) -> str:
        """The fast engine's name: it runs every image, the exact engine few of them."""
        return self._fast.name

    @property
    def precision(self) -> Precision:
        """The fast engine's."""
        return self._fast.precision

    @cached_property
    def _exact(self) -> InferenceEngine:
        return self._load_exact()

    def load_exact(self) -> None:
        """Load the exact engine now, unless it is loaded."""
        _ = self._exact

    def warm_up(self, batch_size: int) -> None:
        """Prepare both engines."""
        self._fast.warm_up(batch_size)
        self._exact.warm_up(batch_size)

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Run the network, (n, size, size) -> (n,)."""
        logits = self._fast.logits(pixels)
        close = (np.abs(logits[:, None] - self._cutoffs) < self._margin).any(axis=1)
        if close.any():
            logits[close] = self._exact.logits(pixels[close])
        return logits

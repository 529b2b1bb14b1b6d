"""What a header says of gray levels, as plain values: LUTs, window, rescale, polarity, padding.

This module must not know any file format, nor the pixels.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# A width that no division fails on.
TINY: Final = 1e-30


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A Modality or VOI LUT.

    Attributes
    ----------
    first_mapped
        Input value of the first entry. Lower inputs give the first entry, inputs beyond the end
        the last.
    entries
        (n,), float64.
    bits
        Of an entry, from the LUT Descriptor.

    References
    ----------
    PS3.3 C.11.1.1.1 (LUT Descriptor).
    """

    first_mapped: int
    entries: NDArray[np.float64]
    bits: int

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Look up values of any shape."""
        indices = np.clip(np.rint(values) - self.first_mapped, 0, self.entries.size - 1)
        entries: NDArray[np.float64] = np.take(self.entries, indices.astype(np.intp))
        return entries


@dataclass(frozen=True, slots=True)
class Window:
    """(0028,1050) Window Center, (0028,1051) Window Width, (0028,1056) VOI LUT Function."""

    center: float
    width: float
    function: str = "LINEAR"

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return gray levels in [0, 1].

        References
        ----------
        PS3.3 C.11.2.1.2.1 (LINEAR: width 1 is a step at center - 0.5), C.11.2.1.3.1 (SIGMOID),
        C.11.2.1.3.2 (LINEAR_EXACT).
        """
        if self.function == "SIGMOID":
            exponent = np.clip(-4 * (values - self.center) / self.width, -500, 500)
            return 1 / (1 + np.exp(exponent))
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.center) / self.width + 0.5, 0, 1)
        span = max(self.width - 1, TINY)
        return np.clip((values - (self.center - 0.5)) / span + 0.5, 0, 1)

    @property
    def is_usable(self) -> bool:
        """Whether the width is allowed (PS3.3 C.11.2.1.2: LINEAR at least 1, others above 0)."""
        least = 1.0 if self.function == "LINEAR" else TINY
        return bool(np.isfinite(self.center) and np.isfinite(self.width) and self.width >= least)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrayscaleAttributes:
    """The attributes of the grayscale transformations.

    Attributes
    ----------
    is_inverted
        Whether the lowest value is white: MONOCHROME1 or Presentation LUT Shape INVERSE. Where both
        are given they mean the same (PS3.3 C.11.6.1.2), and the image is inverted once.
    padding
        First and last stored value, both included, of pixels outside the image (PS3.3
        C.7.5.1.1.2); None where there are none.
    """

    is_inverted: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: LookupTable | None = None
    voi_lut: LookupTable | None = None
    window: Window | None = None
    padding: tuple[int, int] | None = None

"""The image values that travel: radiograph, field of view, model input.

This module must not know any file format, nor any network.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.codes import Flag


@dataclass(frozen=True, slots=True)
class Radiograph:
    """A decoded radiograph, ready to look at.

    Attributes
    ----------
    pixels
        (rows, columns), float32 in [0, 1], MONOCHROME2: bone is bright, air is dark.
    pixel_spacing_mm
        (row spacing, column spacing), or None where the header gives none.
    flags
        What decoding found out (a window that had to be guessed, say).
    """

    pixels: NDArray[np.float32]
    pixel_spacing_mm: tuple[float, float] | None = None
    flags: frozenset[Flag] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """The part of a radiograph that is passed on, as a half-open box in its own pixels."""

    top_px: int
    left_px: int
    bottom_px: int
    right_px: int
    method: str


@dataclass(frozen=True, slots=True)
class ModelInput:
    """What the network sees: (size, size), float32 in [0, 1], and how it was cut out."""

    pixels: NDArray[np.float32]
    field_of_view: FieldOfView
    flags: frozenset[Flag] = field(default_factory=frozenset)

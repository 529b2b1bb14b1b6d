"""The values that hold an image: radiograph, field of view, model input.

This module must not know any file format, nor any network.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.codes import Flag


@dataclass(frozen=True, slots=True)
class Radiograph:
    """A decoded and rendered radiograph.

    Attributes
    ----------
    pixels
        (rows, columns), float32 in [0, 1], MONOCHROME2: bone is bright, air is dark.
    flags
        Found while decoding: WINDOW_FALLBACK, for example.
    """

    pixels: NDArray[np.float32]
    flags: frozenset[Flag] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """The part of a radiograph that is kept: a half-open box in the radiograph's pixels.

    ``method`` names what found it: ``border_trim``, ``lung_field``, or ``full_frame``.
    """

    top_px: int
    left_px: int
    bottom_px: int
    right_px: int
    method: str


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The network's input: (size, size), float32 in [0, 1], and the box that was kept."""

    pixels: NDArray[np.float32]
    field_of_view: FieldOfView
    flags: frozenset[Flag] = field(default_factory=frozenset)

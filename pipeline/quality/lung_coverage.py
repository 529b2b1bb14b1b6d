"""Judges whether the lungs are cut off: an apex, a base or a side outside the image.

It uses a small network (``lung_coverage.npz``, fitted by ``training/quality/lung_coverage.py``),
evaluated with numpy. This module must not know headers.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.codes import Flag
from pipeline.framing.lung_field import shrink_to_grid

COVERAGE_FILE: Final = Path(__file__).parent / "lung_coverage.npz"


@dataclass(frozen=True, slots=True)
class LungCoverage:
    """A network of dense layers that estimates from a 32 x 32 image where the lungs end.

    Attributes
    ----------
    layers
        Kernel, (inputs, outputs), and bias, (outputs,), of each; all but the last are rectified.
    flagged_beyond
        Overhang above which an image is flagged, as a share of its side; chosen so that 99 % of
        the validation images, as published, are not flagged.
    """

    layers: tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]
    flagged_beyond: float

    def find_overhang(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how far the lungs reach beyond the top, bottom, left and right border, (4,).

        As shares of the image's side; negative where they end inside.

        Parameters
        ----------
        pixels
            (128, 128), float32 in [0, 1]: the whole exposed field.
        """
        values = shrink_to_grid(pixels).ravel()
        *inner, (kernel, bias) = self.layers
        for inner_kernel, inner_bias in inner:
            values = np.maximum(values @ inner_kernel + inner_bias, 0)
        overhang: NDArray[np.float32] = values @ kernel + bias
        return overhang


def judge_lung_coverage(
    pixels: NDArray[np.float32], model: LungCoverage | None = None
) -> frozenset[Flag]:
    """Return LUNGS_CUT_OFF where the lungs clearly end outside the image.

    Parameters
    ----------
    pixels
        (128, 128), float32 in [0, 1]: the whole exposed field of an upright chest, bone bright.
    """
    model = model or load_lung_coverage()
    is_cut = model.find_overhang(pixels).max() > model.flagged_beyond
    return frozenset({Flag.LUNGS_CUT_OFF} if is_cut else ())


@cache
def load_lung_coverage(file: Path = COVERAGE_FILE) -> LungCoverage:
    """Load the network of the package: plain arrays, no pickled objects."""
    with np.load(file, allow_pickle=False) as arrays:
        count = sum(name.startswith("kernel") for name in arrays.files)
        layers = tuple(
            (arrays[f"kernel{i}"].astype(np.float32), arrays[f"bias{i}"].astype(np.float32))
            for i in range(count)
        )
        return LungCoverage(layers, float(arrays["flagged_beyond"]))

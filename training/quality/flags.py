"""Measures the flags of appearance: polarity, rotation, unusual appearance, and refusals.

Each radiograph is judged as it is, inverted and rotated, by the product's own functions. This
module must not fit anything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from pipeline.codes import Flag
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.errors import RejectedInputError
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.quality.appearance import judge_appearance
from pipeline.values.radiograph import Radiograph
from training.data.cohort import Sample
from training.data.images import Radiographs
from training.progress import with_progress

Plane = NDArray[np.float32]
CHANGES: Final[Mapping[str, Callable[[Plane], Plane]]] = {
    "as it is": lambda pixels: pixels,
    "inverted": lambda pixels: 1 - pixels,
    "turned by 90": lambda pixels: np.rot90(pixels, 1),
    "turned by 180": lambda pixels: np.rot90(pixels, 2),
    "turned by 270": lambda pixels: np.rot90(pixels, 3),
}
"""Changes of a radiograph before it is judged."""


@dataclass(frozen=True, slots=True)
class FlagCounts:
    """How many of a set of radiographs were flagged or refused."""

    images: int
    polarity: int
    rotation: int
    unusual: int
    refused: int


def count_flags(radiographs: list[Plane], change: Callable[[Plane], Plane]) -> FlagCounts:
    """Judge radiographs, (rows, columns) in [0, 1], after a change."""
    flags: list[Flag] = []
    refused = 0
    for pixels in radiographs:
        changed = Radiograph(np.ascontiguousarray(change(pixels)))
        prepared = prepare_model_input(changed, Preprocessing())
        try:
            flags += judge_appearance(prepared.pixels, EligibilityPolicy())
        except RejectedInputError:
            refused += 1
    return FlagCounts(
        len(radiographs),
        flags.count(Flag.POLARITY_SUSPECT),
        flags.count(Flag.ROTATION_SUSPECT),
        flags.count(Flag.UNUSUAL_APPEARANCE),
        refused,
    )


def measure_flags(data: Path, samples: Sequence[Sample]) -> Table:
    """Give, for each source and change, the share of radiographs that got each flag."""
    table = Table("source", "images", "change", "polarity", "rotation", "unusual", "refused")
    for source in dict.fromkeys(sample.source for sample in samples):
        held = Radiographs(data, [sample for sample in samples if sample.source == source])
        radiographs = [held.pixels(index) for index in range(len(held))]
        for name, change in with_progress(CHANGES.items(), source):
            counts = count_flags(radiographs, change)
            flagged = (counts.polarity, counts.rotation, counts.unusual, counts.refused)
            shares = (f"{count / counts.images:.1%}" for count in flagged)
            table.add_row(source, str(counts.images), name, *shares)
    return table

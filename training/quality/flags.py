"""Measures the flags that come of an image's look: ``python -m training.quality.flags --data DIR``.

Each radiograph of the patient-grouped test part is judged as it is, inverted and turned, on the
path of the product. This module must not fit anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from pipeline.codes import Flag
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.errors import RejectedInputError
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.quality.appearance import judge_appearance
from pipeline.values.radiograph import Radiograph
from training.command import run_command
from training.data.cohort import Part
from training.data.images import Radiographs
from training.data.split import read_split
from training.progress import with_progress

Plane = NDArray[np.float32]
CHANGES: Final[Mapping[str, Callable[[Plane], Plane]]] = {
    "as it is": lambda pixels: pixels,
    "inverted": lambda pixels: 1 - pixels,
    "turned by 90": lambda pixels: np.rot90(pixels, 1),
    "turned by 180": lambda pixels: np.rot90(pixels, 2),
    "turned by 270": lambda pixels: np.rot90(pixels, 3),
}
"""What is done to a radiograph before it is judged."""


@dataclass(frozen=True, slots=True)
class Looks:
    """How many of some radiographs, changed alike, were flagged or refused."""

    images: int
    polarity: int
    rotation: int
    unusual: int
    refused: int


def count_looks(radiographs: list[Plane], change: Callable[[Plane], Plane]) -> Looks:
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
    return Looks(
        len(radiographs),
        flags.count(Flag.POLARITY_SUSPECT),
        flags.count(Flag.ROTATION_SUSPECT),
        flags.count(Flag.UNUSUAL_APPEARANCE),
        refused,
    )


def main(
    data: Annotated[Path, typer.Option(help="Folder of the datasets.")],
    split: Annotated[Path, typer.Option(help="The split that `cohort` wrote.")] = Path(
        "runs/split.csv"
    ),
) -> None:
    """Print, for each source and change, the share of the test part that each flag got."""
    samples = [sample for sample in read_split(split) if sample.part == Part.TEST]
    table = Table("source", "images", "change", "polarity", "rotation", "unusual", "refused")
    for source in dict.fromkeys(sample.source for sample in samples):
        held = Radiographs(data, [sample for sample in samples if sample.source == source])
        radiographs = [held.pixels(index) for index in range(len(held))]
        for name, change in with_progress(CHANGES.items(), source):
            looks = count_looks(radiographs, change)
            counts = (looks.polarity, looks.rotation, looks.unusual, looks.refused)
            shares = (f"{count / looks.images:.1%}" for count in counts)
            table.add_row(source, str(looks.images), name, *shares)
    Console().print(table)


if __name__ == "__main__":
    run_command(lambda: typer.run(main))

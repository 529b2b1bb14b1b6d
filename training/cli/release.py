"""Commands that make a model release: ``release`` and ``quantize``.

Commands import what they need when they run, so that ``--help`` does not load a network.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.cli.options import DEFAULT_SPLIT, Data, Split


def release(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run.")],
    name: Annotated[str, typer.Argument(help="Of the release.")],
    data: Data,
    split: Split = DEFAULT_SPLIT,
    releases: Path = Path("pipeline/releases"),
) -> None:
    """Calibrate a run on validation images and write its release folder."""
    from training.data.split import read_split
    from training.release.build import make_release

    made = make_release(run, data, read_split(split), name, releases)
    Console().print(f"{releases / name}: {made.calibration}, {made.operating_points}")


def quantize(
    release: Annotated[Path, typer.Argument(help="Folder of a release.")],
    data: Data,
    split: Split = DEFAULT_SPLIT,
) -> None:
    """Measure what an engine needs to compute a release in 8 bits; `release` does it too."""
    from training.data.split import read_split
    from training.release.build import quantize as measure

    maxima = measure(release, data, read_split(split)).activation_maxima
    Console().print(f"{release}: {len(maxima)} convolutions, inputs up to {max(maxima):.1f}")

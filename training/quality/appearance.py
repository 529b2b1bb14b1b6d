"""Fits the model of how chests look: ``python -m training.quality.appearance --data DIR``.

This module must not know labels: ill and healthy chests are chests alike.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console

from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.quality.appearance import MODEL_FILE, AppearanceModel, make_thumbnail
from pipeline.values.radiograph import Radiograph
from training.command import run_command
from training.data.cohort import Part, Sample
from training.data.images import Radiographs
from training.data.split import read_split

COMPONENTS: Final = 24


def fit_appearance(thumbnails: Iterable[NDArray[np.float32]], components: int) -> AppearanceModel:
    """Fit principal components to thumbnails.

    Parameters
    ----------
    thumbnails
        (16, 16) each, as `make_thumbnail` gives them.
    components
        How many directions are kept; 24 explain 87 % of the variance of chests. More describe
        chests better, but other things too.
    """
    samples = np.stack([thumbnail.ravel() for thumbnail in thumbnails]).astype(np.float64)
    mean = samples.mean(axis=0)
    _, singular, directions = np.linalg.svd(samples - mean, full_matrices=False)
    variances = singular**2 / len(samples)
    return AppearanceModel(
        mean=mean.astype(np.float32),
        components=directions[:components].astype(np.float32),
        variances=variances[:components].astype(np.float32),
        residual_variance=float(variances[components:].mean()),
    )


def write_appearance(model: AppearanceModel, file: Path) -> None:
    """Write the model as plain arrays."""
    np.savez_compressed(
        file,
        mean=model.mean,
        components=model.components,
        variances=model.variances,
        residual_variance=np.float64(model.residual_variance),
    )


def make_thumbnails(data: Path, samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
    """Prepare radiographs as the network sees them, and shrink them."""
    radiographs = Radiographs(data, samples)
    return [
        make_thumbnail(
            prepare_model_input(Radiograph(radiographs.pixels(index)), Preprocessing()).pixels
        )
        for index in range(len(radiographs))
    ]


def main(
    data: Annotated[Path, typer.Option(help="Folder of the datasets.")],
    split: Annotated[Path, typer.Option(help="The split that `cohort` wrote.")] = Path(
        "runs/split.csv"
    ),
    out: Annotated[Path, typer.Option(help="Where the model is written.")] = MODEL_FILE,
) -> None:
    """Fit on the training part, print the distances of the validation part."""
    samples = read_split(split)
    train = [sample for sample in samples if sample.part == Part.TRAIN]
    validation = [sample for sample in samples if sample.part == Part.VALIDATION]
    model = fit_appearance(make_thumbnails(data, train), COMPONENTS)
    distances = [model.distance(thumbnail) for thumbnail in make_thumbnails(data, validation)]
    median, usual, highest = np.quantile(distances, (0.5, 0.995, 1))
    write_appearance(model, out)
    Console().print(
        f"{len(train)} chests; of {len(validation)} others the median distance is {median:.2f}, "
        f"99.5 % are below {usual:.2f}, the highest is {highest:.2f}"
    )


if __name__ == "__main__":
    run_command(lambda: typer.run(main))

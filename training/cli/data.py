"""Commands that read the datasets: ``cohort`` and ``augment``.

Commands import what they need when they run, so that ``--help`` does not load a network.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.cli.options import (
    DEFAULT_SPLIT,
    BackgroundShare,
    Count,
    Data,
    Seed,
    Split,
    Strength,
)
from training.data.cohort import DEFAULT_SPLIT_SEED


def cohort(
    data: Data,
    split: Split = DEFAULT_SPLIT,
    seed: Seed = DEFAULT_SPLIT_SEED,
    at_random: Annotated[
        bool, typer.Option(help="Split by image, regardless of patients; overestimates figures.")
    ] = False,
) -> None:
    """Read the datasets, remove duplicates, split 80/10/10 by patient."""
    from training.data.cohort import read_cohort
    from training.data.split import split_at_random, split_by_group, write_split

    samples = read_cohort(data)
    write_split((split_at_random if at_random else split_by_group)(samples, seed), split)
    Console().print(f"{len(samples)} radiographs, split in {split}")


def augment(
    out: Annotated[Path, typer.Argument(help="Picture to write, a PNG.", dir_okay=False)],
    data: Data,
    split: Split = DEFAULT_SPLIT,
    augmentation: Strength = 1.0,
    background_share: BackgroundShare = 0.25,
    images: Count = 8,
    seed: Seed = 1,
) -> None:
    """Draw training radiographs as served (left) and augmented, before a long run."""
    from training.data.augmentation import Augmentation
    from training.data.preview import preview
    from training.data.split import read_split

    how = Augmentation(augmentation, background_share)
    out.parent.mkdir(parents=True, exist_ok=True)
    preview(data, read_split(split), how, images=images, seed=seed).save(out, "PNG")
    Console().print(f"{out}")

"""Commands for the models behind the quality flags, and for the lung locator.

Each fit writes its model where the product reads it. Commands import what they need when they run,
so that ``--help`` does not load a network.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from training.cli.options import DEFAULT_SPLIT, Data, Seed, Split
from training.data.cohort import Part

Out = Annotated[
    Path | None, typer.Option(help="File to write; by default the one that the product reads.")
]


def fit_appearance(data: Data, split: Split = DEFAULT_SPLIT, out: Out = None) -> None:
    """Fit the appearance of chests on the training part; print distances of the validation part."""
    import numpy as np

    from pipeline.quality.appearance import MODEL_FILE
    from training.data.split import read_split
    from training.quality.appearance import fit_appearance as fit
    from training.quality.appearance import make_thumbnails, write_appearance

    samples = read_split(split)
    train = [sample for sample in samples if sample.part == Part.TRAIN]
    validation = [sample for sample in samples if sample.part == Part.VALIDATION]
    model = fit(make_thumbnails(data, train))
    distances = [model.distance(thumbnail) for thumbnail in make_thumbnails(data, validation)]
    median, usual, highest = np.quantile(distances, (0.5, 0.995, 1))
    write_appearance(model, out or MODEL_FILE)
    Console().print(
        f"{len(train)} chests; of {len(validation)} others the median distance is {median:.2f}, "
        f"99.5 % are below {usual:.2f}, the highest is {highest:.2f}"
    )


def fit_lung_locator(
    data: Data, split: Split = DEFAULT_SPLIT, out: Out = None, seed: Seed = 0
) -> None:
    """Fit the lung locator to human lung masks, and measure it on validation and test."""
    import numpy as np

    from pipeline.framing.lung_field import LOCATOR_FILE
    from training.data.split import read_split
    from training.quality.lung_field import (
        fit_locator,
        measure,
        prepare_pairs,
        set_margins,
        write_locator,
    )

    samples = [sample for sample in read_split(split) if sample.lung_mask]
    parts = {
        part: prepare_pairs(data, [sample for sample in samples if sample.part == part])
        for part in Part
    }
    locator = fit_locator(parts[Part.TRAIN], np.random.default_rng(seed))
    locator = set_margins(locator, parts[Part.VALIDATION])
    write_locator(locator, out or LOCATOR_FILE)
    for part in (Part.VALIDATION, Part.TEST):
        figures = {name: round(value, 4) for name, value in measure(locator, parts[part]).items()}
        Console().print(f"{part}, {len(parts[part])} images: {figures}")


def fit_lung_coverage(
    data: Data, split: Split = DEFAULT_SPLIT, out: Out = None, seed: Seed = 0
) -> None:
    """Fit the flag for lungs cut off, choose its limit on validation, and measure it on test."""
    from pipeline.quality.lung_coverage import COVERAGE_FILE
    from training.data.split import read_split
    from training.quality.lung_coverage import (
        choose_limit,
        fit_coverage,
        make_examples,
        measure_coverage,
        read_test_chests,
        read_validation_chests,
        write_coverage,
    )

    samples, console = read_split(split), Console()
    examples = make_examples(data, samples, seed)
    model = choose_limit(fit_coverage(examples, seed), read_validation_chests(data, samples))
    write_coverage(model, out or COVERAGE_FILE)
    console.print(f"{len(examples)} examples; flagged beyond {model.flagged_beyond:.3f}")
    console.print(measure_coverage(model, read_test_chests(data, samples)))


def measure_flags(data: Data, split: Split = DEFAULT_SPLIT) -> None:
    """Measure the flags of appearance on the test part, as it is, inverted and rotated."""
    from training.data.split import read_split
    from training.quality.flags import measure_flags as measure

    samples = [sample for sample in read_split(split) if sample.part == Part.TEST]
    Console().print(measure(data, samples))

"""Fits the flag for lungs cut off: ``python -m training.quality.lung_coverage --data DIR``.

The truth is made: a radiograph is cut so that a known part of its lungs lies outside. Where no
human mask tells where the lungs are (other hospitals), the lung locator does. Radiographs that are
published as they are count as whole, although some are not: what the fit calls cut among them is
then right as often as not, and the share that it may call so is bounded.
This module must not know labels, nor the classifier.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import keras
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from pipeline.framing.lung_field import GRID_PX
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.quality.lung_coverage import COVERAGE_FILE, LungCoverage
from pipeline.values.radiograph import Radiograph
from training.command import run_command
from training.data.cohort import Part, Sample, read_unlabelled
from training.data.split import read_split
from training.progress import with_progress
from training.quality.cut_lungs import Chest, Example, cut_lungs, read_chests, vary

BORDERS: Final = ("top", "bottom", "left", "right")
SHARES: Final = (0.05, 0.1, 0.2)
_HIDDEN: Final = (256, 64)
EPOCHS: Final = 14
_BATCH: Final = 256
_FALSE_ALARMS: Final = 0.01


def fit_coverage(examples: Sequence[Example], seed: int, epochs: int = EPOCHS) -> LungCoverage:
    """Fit the network to examples and their mirror images; the limit is still to be chosen."""
    keras.utils.set_random_seed(seed)
    grids = np.stack([example.grid for example in examples])
    overhangs = np.stack([example.overhang for example in examples])
    mirrored = grids.reshape(-1, GRID_PX, GRID_PX)[:, :, ::-1].reshape(grids.shape)
    inputs = np.concatenate([grids, mirrored])
    targets = np.concatenate([overhangs, overhangs[:, [0, 1, 3, 2]]])
    first, second = _HIDDEN
    network = keras.Sequential(
        [
            keras.Input((GRID_PX * GRID_PX,)),
            keras.layers.Dense(first, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(second, activation="relu"),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(len(BORDERS)),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(1e-3, epochs * (len(inputs) // _BATCH + 1))
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.05)
    network.compile(optimizer, loss="mean_absolute_error")
    network.fit(inputs, targets, batch_size=_BATCH, epochs=epochs, verbose=0)
    arrays = network.get_weights()
    layers = tuple(zip(arrays[::2], arrays[1::2], strict=True))
    return LungCoverage(layers, flagged_beyond=float("inf"))


def find_overhang(model: LungCoverage, chest: Chest) -> float:
    """Give the largest overhang that the model sees in a chest as it is."""
    prepared = prepare_model_input(Radiograph(chest.pixels), Preprocessing())
    return float(model.find_overhang(prepared.pixels).max())


def choose_limit(model: LungCoverage, chests: Sequence[Chest]) -> LungCoverage:
    """Flag at most one in a hundred chests of the children's hospital, and of the others."""
    by_group: dict[bool, list[float]] = {}
    for chest in chests:
        by_group.setdefault(chest.source == "kermany", []).append(find_overhang(model, chest))
    limits = [np.quantile(overhangs, 1 - _FALSE_ALARMS) for overhangs in by_group.values()]
    return replace(model, flagged_beyond=float(max(limits)))


def write_coverage(model: LungCoverage, file: Path) -> None:
    """Write the network as plain arrays, in half precision."""
    arrays = {}
    for index, (kernel, bias) in enumerate(model.layers):
        arrays[f"kernel{index}"] = kernel.astype(np.float16)
        arrays[f"bias{index}"] = bias.astype(np.float16)
    limit = np.float64(model.flagged_beyond)
    np.savez_compressed(file, **arrays, flagged_beyond=limit)  # type: ignore[arg-type] # numpy's stub


def measure_coverage(model: LungCoverage, chests: Sequence[Chest]) -> Table:
    """Give the share flagged: as published, and with known shares of the lungs beyond a border."""
    table = Table("source", "images", "cut", *(f"{share:.0%} of the lungs" for share in SHARES))
    for source in dict.fromkeys(chest.source for chest in chests):
        own = [chest for chest in chests if chest.source == source]
        whole = [find_overhang(model, chest) > model.flagged_beyond for chest in own]
        table.add_row(source, str(len(own)), "as published", f"{np.mean(whole):.1%}", "", "")
        flagged = np.array(
            [
                [
                    [
                        find_overhang(model, cut_lungs(chest, border, share)) > model.flagged_beyond
                        for share in SHARES
                    ]
                    for border in range(len(BORDERS))
                ]
                for chest in own
            ]
        )
        for border, name in enumerate(BORDERS):
            shares = (f"{share:.0%}" for share in flagged[:, border].mean(axis=0))
            table.add_row(source, str(len(own)), name, *shares)
        shares = (f"{share:.1%}" for share in flagged.mean(axis=(0, 1)))
        table.add_row(source, str(len(own)), "any", *shares)
    return table


def _with_lungs(samples: Sequence[Sample]) -> list[Sample]:
    """Leave out children without a mask: there are enough with one."""
    return [sample for sample in samples if sample.lung_mask or sample.source != "kermany"]


def main(
    data: Annotated[Path, typer.Option(help="Folder of the datasets.")],
    split: Annotated[Path, typer.Option(help="The split that `cohort` wrote.")] = Path(
        "runs/split.csv"
    ),
    out: Annotated[Path, typer.Option(help="Where the network is written.")] = COVERAGE_FILE,
    seed: int = 0,
) -> None:
    """Fit on the training part, choose the limit on validation, measure on the test part once."""
    samples = read_split(split)
    parts = {part: [s for s in samples if s.part == part] for part in Part}
    random = np.random.default_rng(seed)
    train = list(read_chests(data, _with_lungs(parts[Part.TRAIN])))
    examples = [
        example for chest in with_progress(train, "variants") for example in vary(chest, random)
    ]
    model = fit_coverage(examples, seed)
    unseen = parts[Part.VALIDATION] + read_unlabelled(data, ["rsna_unlabelled"], samples)
    model = choose_limit(model, list(read_chests(data, unseen)))
    write_coverage(model, out)
    console = Console()
    console.print(f"{len(examples)} examples; flagged beyond {model.flagged_beyond:.3f}")
    test = list(read_chests(data, _with_lungs(parts[Part.TEST])))
    console.print(measure_coverage(model, test))


if __name__ == "__main__":
    run_command(lambda: typer.run(main))

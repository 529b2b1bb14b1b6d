"""Fits the network behind the flag for lungs that are cut off.

The truth is made: a radiograph is cut so that a known share of its lungs lies outside. The lungs
are known from a human mask or, at other hospitals, from the lung locator. Published radiographs
count as whole, although some are cut; so the share of them that is flagged is bounded, not zero.
This module must not know labels, nor the classifier.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import keras
import numpy as np
from rich.table import Table

from pipeline.framing.lung_field import GRID_PX
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.quality.lung_coverage import LungCoverage
from pipeline.values.radiograph import Radiograph
from training.data.cohort import Part, Sample, read_unlabelled
from training.data.sources import HOME, unlabelled_source
from training.progress import with_progress
from training.quality.cut_lungs import Chest, Example, cut_lungs, make_variants, read_chests

BORDERS: Final = ("top", "bottom", "left", "right")
SHARES: Final = (0.05, 0.1, 0.2)
_HIDDEN: Final = (256, 64)
EPOCHS: Final = 14
_BATCH: Final = 256
_FALSE_ALARMS: Final = 0.01


def fit_coverage(examples: Sequence[Example], seed: int, epochs: int = EPOCHS) -> LungCoverage:
    """Fit the network to examples and their mirror images, without a limit yet."""
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
    """Give the largest overhang over any border that the model finds in a chest."""
    prepared = prepare_model_input(Radiograph(chest.pixels), Preprocessing())
    return float(model.find_overhang(prepared.pixels).max())


def choose_limit(model: LungCoverage, chests: Sequence[Chest]) -> LungCoverage:
    """Choose the limit: at most 1 % of the home population flagged, and 1 % of the others."""
    by_group: dict[bool, list[float]] = {}
    for chest in chests:
        by_group.setdefault(chest.source == HOME, []).append(find_overhang(model, chest))
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
    """Give the share flagged: as published, and with a known share of the lungs cut away."""
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


def make_examples(data: Path, samples: Sequence[Sample], seed: int) -> list[Example]:
    """Make cut and whole variants of the training part's chests."""
    random = np.random.default_rng(seed)
    chests = list(read_chests(data, _with_lungs(_part(samples, Part.TRAIN))))
    return [
        example
        for chest in with_progress(chests, "variants")
        for example in make_variants(chest, random)
    ]


def read_validation_chests(data: Path, samples: Sequence[Sample]) -> list[Chest]:
    """Read the chests that the limit is chosen on: validation, and RSNA's without labels."""
    unlabelled = read_unlabelled(data, [unlabelled_source("rsna")], samples)
    return list(read_chests(data, _part(samples, Part.VALIDATION) + unlabelled))


def read_test_chests(data: Path, samples: Sequence[Sample]) -> list[Chest]:
    """Read the chests of the test part."""
    return list(read_chests(data, _with_lungs(_part(samples, Part.TEST))))


def _part(samples: Sequence[Sample], part: Part) -> list[Sample]:
    return [sample for sample in samples if sample.part == part]


def _with_lungs(samples: Sequence[Sample]) -> list[Sample]:
    """Leave out radiographs of the home population without a mask: there are enough with one."""
    return [sample for sample in samples if sample.lung_mask or sample.source != HOME]

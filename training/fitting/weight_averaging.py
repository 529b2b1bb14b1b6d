"""Averages the weights of a fine-tuned run with its initial weights.

Fine-tuning gains on the data that it was tuned for and loses elsewhere; the average keeps most of
both. This module must not know any image.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from training.errors import TrainingError
from training.fitting.recipe import Recipe
from training.fitting.run import CHECKPOINT_FILE, HISTORY_FILE, open_checkpoint
from training.networks.architecture import read_weights
from training.networks.network import build_for_training


def average_with_initial_weights(run: Path, out: Path, kept_share: float) -> None:
    """Write a run whose averaged weights lie between another run's and its initial ones.

    It can be compared, evaluated, released and started from as any run, but not resumed.

    Parameters
    ----------
    run
        Folder of a run that started from a release's weights.
    out
        Folder of the run to write.
    kept_share
        Share of the initial weights, 0 to 1.

    Raises
    ------
    TrainingError
        If the run did not start from a file of weights, or has no checkpoint.
    ReleaseError
        If that file is damaged.

    References
    ----------
    Wortsman et al., Robust fine-tuning of zero-shot models, 2022.
    """
    recipe = Recipe.read(run)
    if not Path(recipe.weights).is_file():
        raise TrainingError(f"{run} began from {recipe.weights!r}, which is no file of weights")
    initial = read_weights(Path(recipe.weights))
    network = build_for_training(
        recipe.network, recipe.preprocessing.size_px, lung_head=recipe.lung_weight > 0
    )
    arrays = {}
    with open_checkpoint(run) as state:
        for i, weight in enumerate(network.weights):
            tuned = state.get_tensor(f"average/{i}")
            # A release has no lung head: the head keeps its tuned weights.
            before = initial.get(weight.path, tuned).astype(np.float32)
            arrays[f"average/{i}"] = kept_share * before + (1 - kept_share) * tuned
        notes = state.metadata()
    replace(recipe, kept_share=kept_share).write(out)
    save_file(arrays, out / CHECKPOINT_FILE, metadata=notes)
    shutil.copyfile(run / HISTORY_FILE, out / HISTORY_FILE)

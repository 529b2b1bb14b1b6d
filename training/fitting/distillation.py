"""What trained networks say of an image that another network learns from.

This module must not know how an image was made, nor how the pupil is trained.
"""

from pathlib import Path
from typing import Any

import numpy as np

from training.data.batches import NO_LABEL, Batch
from training.data.cohort import UNLABELLED
from training.errors import TrainingError
from training.fitting.recipe import Recipe
from training.fitting.run import load_averaged, network_logits


class Teachers:
    """Networks whose opinion becomes part of a pupil's targets.

    Each speaks only of the sources that it was trained on: what a network says of a hospital that
    it has never seen is worth less than the label.

    Parameters
    ----------
    recipe
        The pupil's: its teachers, their share, and what its batches are made of. Where a
        radiograph has no label, the teachers' mean probability is its whole target.

    Raises
    ------
    TrainingError
        If no teacher knows the hospital of a source without labels, or one was trained on pixels
        that were prepared in another way.

    References
    ----------
    Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, 2015; Beyer et al.,
    Knowledge distillation: a good teacher is patient and consistent, 2022 (teacher and pupil see
    the same augmented image).
    """

    def __init__(self, recipe: Recipe) -> None:
        runs = [Path(each) for each in recipe.teachers]
        taught = [Recipe.read(run) for run in runs]
        for run, each in zip(runs, taught, strict=True):
            if each.preprocessing != recipe.preprocessing:
                raise TrainingError(f"the teacher {run} has another preprocessing than its pupil")
        self._known = [set(each.mixture.images) for each in taught]
        for source in recipe.mixture.images:
            hospital = source.removesuffix(UNLABELLED)
            if source != hospital and not any(hospital in known for known in self._known):
                raise TrainingError(f"no teacher was trained on {hospital}, to tell of {source}")
        self._networks: list[Any] = [
            load_averaged(run, half_precision=recipe.half_precision) for run in runs
        ]
        self._images = recipe.mixture.images
        self._share = recipe.teacher_share

    def teach(self, batch: Batch) -> Batch:
        """Give a batch of the recipe's mixture with targets that the teachers have a share in."""
        source = np.repeat(list(self._images), list(self._images.values()))
        total, voices = np.zeros(len(source)), np.zeros(len(source))
        for network, known in zip(self._networks, self._known, strict=True):
            heard = np.array([each.removesuffix(UNLABELLED) in known for each in source])
            if heard.any():
                logits = network_logits(network, batch.pixels[heard, ..., 0])
                total[heard] += (1 + np.tanh(logits / 2)) / 2
                voices[heard] += 1
        opinion = total / np.maximum(voices, 1)
        label = batch.targets[:, 0]
        share = np.where(label == NO_LABEL, 1.0, self._share * (voices > 0))
        targets = (1 - share) * label + share * opinion
        return batch._replace(targets=targets[:, None].astype(np.float32))

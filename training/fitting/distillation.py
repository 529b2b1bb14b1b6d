"""Distils trained networks: their probabilities become part of a student's targets.

This module must not know how an image was made, nor how the student is trained.
"""

from pathlib import Path
from typing import Any

import numpy as np

from training.data.batches import NO_LABEL, Batch
from training.data.sources import hospital_of, is_unlabelled
from training.errors import TrainingError
from training.fitting.recipe import Recipe
from training.fitting.run import load_averaged, network_logits


class Teachers:
    """Networks whose mean probability becomes part of a student's targets.

    Each teacher scores only the sources that it was trained on: on a hospital that it has never
    seen, its probability is less reliable than the label.

    Parameters
    ----------
    recipe
        The student's: its teachers, their share, and the composition of its batches. Where a
        radiograph has no label, the teachers' mean probability is its whole target.

    Raises
    ------
    TrainingError
        If no teacher was trained on the hospital of a source without labels, or a teacher was
        trained with another preprocessing.

    References
    ----------
    Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, 2015; Beyer et al.,
    Knowledge distillation: a good teacher is patient and consistent, 2022 (teacher and student see
    the same augmented image).
    """

    def __init__(self, recipe: Recipe) -> None:
        runs = [Path(each) for each in recipe.teachers]
        teachers = [Recipe.read(run) for run in runs]
        for run, teacher in zip(runs, teachers, strict=True):
            if teacher.preprocessing != recipe.preprocessing:
                raise TrainingError(f"the teacher {run} has another preprocessing than its student")
        self._trained_on = [set(teacher.sampling.images) for teacher in teachers]
        for source in recipe.sampling.images:
            hospital = hospital_of(source)
            if is_unlabelled(source) and not any(hospital in known for known in self._trained_on):
                raise TrainingError(f"no teacher was trained on {hospital}, to label {source}")
        self._networks: list[Any] = [
            load_averaged(run, half_precision=recipe.half_precision) for run in runs
        ]
        self._images = recipe.sampling.images
        self._share = recipe.teacher_share

    def add_soft_targets(self, batch: Batch) -> Batch:
        """Give a batch of the recipe's sampling with the teachers' share in its targets."""
        hospitals = np.repeat(
            [hospital_of(source) for source in self._images], list(self._images.values())
        )
        total, scored_by = np.zeros(len(hospitals)), np.zeros(len(hospitals))
        for network, trained_on in zip(self._networks, self._trained_on, strict=True):
            known = np.isin(hospitals, list(trained_on))
            if known.any():
                logits = network_logits(network, batch.pixels[known, ..., 0])
                total[known] += (1 + np.tanh(logits / 2)) / 2
                scored_by[known] += 1
        probability = total / np.maximum(scored_by, 1)
        label = batch.targets[:, 0]
        share = np.where(label == NO_LABEL, 1.0, self._share * (scored_by > 0))
        targets = (1 - share) * label + share * probability
        return batch._replace(targets=targets[:, None].astype(np.float32))

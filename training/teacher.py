"""What trained networks say of an image that another network learns from.

This module must not know how an image was made, nor how the pupil is trained.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.cohort import UNLABELLED
from training.dataset import NO_LABEL, Batch
from training.recipe import Recipe
from training.run import load_averaged, network_logits


class Teachers:
    """Networks whose opinion becomes part of a pupil's targets.

    Each speaks only of the sources that it was trained on: what a network says of a hospital that
    it has never seen is worth less than the label.

    Parameters
    ----------
    runs
        Folders of trained runs, of the pupil's preprocessing.
    share
        How much of a target is the teachers' mean probability; the rest is the label. Where there
        is no label it is all of it.

    References
    ----------
    Hinton, Vinyals and Dean, Distilling the knowledge in a neural network, 2015; Beyer et al.,
    Knowledge distillation: a good teacher is patient and consistent, 2022 (teacher and pupil see
    the same augmented image).
    """

    def __init__(self, runs: Sequence[Path], share: float) -> None:
        self._networks: list[Any] = [load_averaged(run) for run in runs]
        self._sources = [set(Recipe.read(run).mixture.images) for run in runs]
        self._share = share

    def teach(self, batch: Batch, images: Mapping[str, int]) -> Batch:
        """Give the batch with targets that the teachers have a share in.

        Parameters
        ----------
        images
            How many of the batch's images are of each source, in their order.
        """
        source = np.repeat(list(images), list(images.values()))
        total, voices = np.zeros(len(source)), np.zeros(len(source))
        for network, known in zip(self._networks, self._sources, strict=True):
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

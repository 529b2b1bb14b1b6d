"""A recipe that trains in seconds, and batches for it."""

import numpy as np

from pipeline.framing.preprocessing import Preprocessing
from training.data.batches import Batch
from training.fitting.recipe import Recipe

TINY = Recipe(
    network="cnn",
    epochs=2,
    steps_per_epoch=3,
    warm_up_steps=2,
    lung_weight=0,
    half_precision=False,
    preprocessing=Preprocessing(size_px=16),
)


def make_batch(step, spoil=0.0):
    """Ill images are brighter; a batch is a function of its step, as in training."""
    random = np.random.default_rng(step)
    targets = np.array([[0.0], [1.0]] * 4, np.float32)
    pixels = random.random((8, 16, 16, 1), np.float32) * 0.5 + targets[..., None, None] * 0.4
    no_maps = np.full((8, 32, 32, 1), -1, np.float32)
    return Batch(pixels + np.float32(spoil), targets, no_maps, np.ones(8, np.float32))

"""A GPU without memory halves the batch; no study pays for it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.classifier import Classifier, _DeviceMemoryError
from pipeline.errors import ClassifierError


class SmallDevice:
    """Runs batches of at most so many, and gives each image's mean as its logit."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.batches: list[int] = []

    def __call__(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        if len(batch) > self.capacity:
            raise _DeviceMemoryError
        self.batches.append(len(batch))
        return [batch.mean(axis=(1, 2))]


def classifier(device: SmallDevice) -> Classifier:
    made = object.__new__(Classifier)
    made._run = device
    made._largest_batch = 32
    return made


def test_every_image_is_scored_in_smaller_batches_from_then_on() -> None:
    device = SmallDevice(8)
    pixels = np.linspace(0, 1, 50, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    scored = classifier(device).logits(pixels)
    np.testing.assert_allclose(scored, np.linspace(0, 1, 50), atol=1e-6)
    assert device.batches == [8] * 6 + [2]


def test_a_device_without_any_memory_says_what_to_do() -> None:
    with pytest.raises(ClassifierError, match="restart the worker"):
        classifier(SmallDevice(0)).logits(np.zeros((1, 4, 4), np.float32))

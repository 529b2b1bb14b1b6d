"""What only TensorFlow must get right: too little memory, and an import without Keras."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.engines.tensorflow import DeviceMemoryError, TensorFlowEngine
from pipeline.errors import ClassifierError

SIZE_PX = 4


class SmallDevice:
    """Runs batches of at most so many, and gives each image's mean as its logit."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.batches: list[int] = []

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(batch) > self.capacity:
            raise DeviceMemoryError
        self.batches.append(len(batch))
        return batch.mean(axis=(1, 2))


def test_every_image_is_scored_in_smaller_batches_from_then_on() -> None:
    device = SmallDevice(8)
    pixels = np.linspace(0, 1, 50, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    scored = TensorFlowEngine(device, SIZE_PX).logits(pixels)
    np.testing.assert_allclose(scored, np.linspace(0, 1, 50), atol=1e-6)
    assert device.batches == [8] * 6 + [2]


def test_a_device_without_any_memory_says_what_to_do() -> None:
    with pytest.raises(ClassifierError, match="restart the worker"):
        TensorFlowEngine(SmallDevice(0), SIZE_PX).logits(np.zeros((1, 4, 4), np.float32))


def test_warm_up_runs_every_batch_shape_up_to_the_one_asked_for() -> None:
    device = SmallDevice(32)
    TensorFlowEngine(device, SIZE_PX).warm_up(5)
    assert device.batches == [1, 2, 4, 8]


@pytest.mark.tensorflow
def test_tensorflow_comes_without_keras_and_keras_can_still_be_had() -> None:
    program = (
        "import sys; from pipeline.engines.tensorflow import _import_tensorflow;"
        "tf = _import_tensorflow(); assert 'keras' not in sys.modules;"
        "import keras; print(float(keras.ops.sum(tf.ones(3))), tf.keras.__name__)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert finished.stdout.split()[0] == "3.0"

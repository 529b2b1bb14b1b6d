"""Runs the network with TensorFlow: on a GPU in float16 where there is one, else on the processor.

Only this module of the pipeline imports TensorFlow. A process may have one such engine: TensorFlow
does not work after a fork, and takes the whole device.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.names import Precision
from pipeline.engines.resnet50v2 import build_resnet50v2
from pipeline.engines.weights import Weights
from pipeline.errors import ClassifierError
from pipeline.imports import package_hidden

# Other numbers of images are padded to one of these: for a new shape TensorFlow prepares kernels,
# which takes seconds, and memory that is never freed.
BATCH_SIZES: Final = (1, 2, 4, 8, 16, 32)

# Any value that cuDNN accepts, since it is subtracted from the variance again.
_EPSILON: Final = 0.001
_Array = NDArray[np.float32]
_Run = Callable[[_Array], NDArray[np.floating]]


class DeviceMemoryError(Exception):
    """The device has not enough memory for a batch."""


class TensorFlowEngine:
    """A traced graph with frozen weights, run on padded batches.

    Parameters
    ----------
    run
        (n, size, size, 1) float32 -> (n, 1), for any n of `BATCH_SIZES`; raises
        `DeviceMemoryError`.
    size_px
        Rows and columns of an image.
    """

    def __init__(self, run: _Run, size_px: int, precision: Precision = Precision.FLOAT32) -> None:
        self.precision = precision
        self.name = f"tensorflow-{precision}"
        self._run = run
        self._size_px = size_px
        self._largest_batch = BATCH_SIZES[-1]

    @classmethod
    def load(cls, weights: Weights, size_px: int, precision: Precision | None = None) -> Self:
        """Build the graph; in float16 by default where TensorFlow has a GPU.

        Raises
        ------
        ReleaseError
            If the weights do not fit the architecture.
        ImportError
            If TensorFlow is not installed.
        """
        tf = _import_tensorflow()
        if precision is None:
            on_gpu = tf.config.list_physical_devices("GPU")
            precision = Precision.FLOAT16 if on_gpu else Precision.FLOAT32
        return cls(_trace(tf, weights, size_px, tf.as_dtype(precision.value)), size_px, precision)

    def warm_up(self, batch_size: int) -> None:
        """Run every batch shape up to ``batch_size`` once."""
        for count in BATCH_SIZES:
            self.logits(np.zeros((count, self._size_px, self._size_px), np.float32))
            if count >= batch_size:
                break

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Run the network, (n, size, size) -> (n,), in batches that fit the device's memory."""
        parts = [np.empty(0)]
        start = 0
        while start < len(pixels):
            batch = pixels[start : start + self._largest_batch]
            try:
                parts.append(self._logits_of_batch(batch))
            except DeviceMemoryError as error:
                self._halve_batches(error)
            else:
                start += len(batch)
        return np.concatenate(parts)

    def _halve_batches(self, error: Exception) -> None:
        """Use smaller batches from now on: another program may share the device."""
        if self._largest_batch == 1:
            raise ClassifierError(
                "the device has no memory left for a single radiograph; end what else runs on it, "
                "then restart the worker"
            ) from error
        self._largest_batch //= 2

    def _logits_of_batch(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        padded = next(size for size in BATCH_SIZES if size >= len(pixels))
        batch = np.zeros((padded, *pixels.shape[1:], 1), np.float32)
        batch[: len(pixels), ..., 0] = pixels
        return np.asarray(self._run(batch), np.float64)[: len(pixels), 0]


class _Operations:
    """TensorFlow's operations on (n, rows, columns, channels), computed in one data type."""

    def __init__(self, tf: Any, dtype: Any) -> None:  # noqa: ANN401 - TensorFlow is untyped
        self._tf = tf
        self._dtype = dtype

    def convolve(self, x: Any, kernel: _Array, bias: _Array, stride: int) -> Any:  # noqa: ANN401
        # SAME pads as we need only for stride 1; for others it would begin a pixel later.
        if stride > 1:
            x = self._surround(x, kernel.shape[0] // 2)
        padding = "VALID" if stride > 1 else "SAME"
        y = self._tf.nn.conv2d(x, self._constant(kernel), stride, padding)
        return self._tf.nn.bias_add(y, self._constant(bias))

    def scale(self, x: Any, factor: _Array, shift: _Array) -> Any:  # noqa: ANN401
        # Batch normalization with mean 0 and variance 1 does both in one pass.
        mean, variance = np.zeros_like(factor), np.full_like(factor, 1 - _EPSILON)
        statistics = map(self._tf.constant, (factor, shift, mean, variance))
        return self._tf.compat.v1.nn.fused_batch_norm(
            x, *statistics, epsilon=_EPSILON, is_training=False
        )[0]

    def rectify(self, x: Any) -> Any:  # noqa: ANN401
        return self._tf.nn.relu(x)

    def pool(self, x: Any) -> Any:  # noqa: ANN401
        return self._tf.nn.max_pool2d(self._surround(x, 1), 3, 2, "VALID")

    def subsample(self, x: Any, stride: int) -> Any:  # noqa: ANN401
        return x[:, ::stride, ::stride]

    def add(self, x: Any, y: Any) -> Any:  # noqa: ANN401
        return x + y

    def average(self, x: Any) -> Any:  # noqa: ANN401
        return self._tf.reduce_mean(self._tf.cast(x, self._tf.float32), (1, 2))

    def combine(self, x: Any, kernel: _Array, bias: _Array) -> Any:  # noqa: ANN401
        return x @ kernel + bias

    def _constant(self, array: _Array) -> Any:  # noqa: ANN401
        # Outside the graph, which TensorFlow copies several times with everything in it. With the
        # weights inside, the first image took 2.7 s, not 0.5 s.
        with self._tf.init_scope():
            return self._tf.constant(array, self._dtype)

    def _surround(self, x: Any, width: int) -> Any:  # noqa: ANN401
        return self._tf.pad(x, ((0, 0), (width, width), (width, width), (0, 0)))


def _trace(tf: Any, weights: Weights, size_px: int, dtype: Any) -> _Run:  # noqa: ANN401
    """Trace the network once, for any batch size, with constant weights."""

    def network(pixels: Any) -> Any:  # noqa: ANN401
        return build_resnet50v2(_Operations(tf, dtype), weights, tf.cast(pixels, dtype))

    signature = [tf.TensorSpec([None, size_px, size_px, 1], tf.float32)]
    # Without autograph, which takes seconds: there is no Python control flow to translate.
    graph = tf.function(network, signature, autograph=False).get_concrete_function()

    def run(batch: _Array) -> NDArray[np.floating]:
        try:
            logits: NDArray[np.floating] = graph(tf.constant(batch)).numpy()
        except tf.errors.ResourceExhaustedError as error:
            raise DeviceMemoryError from error
        return logits

    return run


def _import_tensorflow() -> Any:  # noqa: ANN401
    """Import TensorFlow without its messages, and without Keras unless that is imported already.

    Some messages are written to file descriptor 2 before any log level takes effect. TensorFlow
    imports Keras only to register optimizers, and works without it; that import would take another
    second or two.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with package_hidden("keras"), _silence():
        import tensorflow as tf  # noqa: PLC0415
    return tf


@contextmanager
def _silence() -> Iterator[None]:
    """Discard what is written to standard error, also by C++."""
    sys.stderr.flush()
    terminal = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)

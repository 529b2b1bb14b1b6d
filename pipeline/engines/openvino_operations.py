"""OpenVINO's operations for building the network: in floats, in 8 bits, or recording their inputs.

The engine's module passes OpenVINO's opset in. This module must not know how a graph is compiled or
run.
"""

# ruff: noqa: D102 - each operation is documented once, in `resnet50v2.Operations`

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReleaseError

_LARGEST_WEIGHT: Final = 127
_ACTIVATION_LEVELS: Final = 256
# The stem and the first block stay in float32: faint shadows in a radiograph would lose too much in
# 256 levels. Of 1,366 radiographs that were not trained on, 8 bits throughout moved a calibrated
# logit by up to 0.12, without these five by up to 0.07. They are 8 % of the arithmetic.
FLOAT_CONVOLUTIONS: Final = 5
# Lower limit of the range to be rounded: all values may be zero.
_LEAST_EXTENT: Final = np.float32(1e-12)
_CHANNELS_AT_ONCE: Final = 64
_Array = NDArray[np.float32]
_Number = TypeVar("_Number", bound=np.number)


class FloatOperations:
    """OpenVINO's operations on (n, channels, rows, columns)."""

    def __init__(self, opset: Any) -> None:  # noqa: ANN401 - its functions make nodes of any kind
        self._opset = opset

    def check_all_used(self) -> None:
        """Check that the network has used everything that was given for it."""

    def convolve(self, x: Any, kernel: _Array, bias: _Array, stride: int) -> Any:  # noqa: ANN401
        return self._convolve(x, self._constant(_put_filters_first(kernel)), bias, stride)

    def scale(self, x: Any, factor: _Array, shift: _Array) -> Any:  # noqa: ANN401
        scaled = self._opset.multiply(x, self._by_channel(factor))
        return self._opset.add(scaled, self._by_channel(shift)).output(0)

    def rectify(self, x: Any) -> Any:  # noqa: ANN401
        return self._opset.relu(x).output(0)

    def pool(self, x: Any) -> Any:  # noqa: ANN401
        # OpenVINO's own padding is minus infinity; the network was trained with zeros.
        zero = self._opset.constant(np.float32(0))
        surrounded = self._opset.pad(x, [0, 0, 1, 1], [0, 0, 1, 1], "constant", zero)
        return self._maximum(surrounded, 3, 2)

    def subsample(self, x: Any, stride: int) -> Any:  # noqa: ANN401
        return self._maximum(x, 1, stride)

    def add(self, x: Any, y: Any) -> Any:  # noqa: ANN401
        return self._opset.add(x, y).output(0)

    def average(self, x: Any) -> Any:  # noqa: ANN401
        axes = self._opset.constant(np.array([2, 3]))
        return self._opset.reduce_mean(x, axes, keep_dims=False).output(0)

    def combine(self, x: Any, kernel: _Array, bias: _Array) -> Any:  # noqa: ANN401
        product = self._opset.matmul(x, self._constant(kernel), False, False)  # noqa: FBT003
        return self._opset.add(product, self._constant(bias)).output(0)

    def _convolve(self, x: Any, kernel: Any, bias: _Array, stride: int) -> Any:  # noqa: ANN401
        around = [kernel.shape[2] // 2] * 2
        y = self._opset.convolution(x, kernel, [stride] * 2, around, around, [1, 1])
        return self._opset.add(y, self._by_channel(bias)).output(0)

    def _maximum(self, x: Any, size: int, stride: int) -> Any:  # noqa: ANN401
        none = [0, 0]
        return self._opset.max_pool(x, [stride] * 2, [1, 1], none, none, [size] * 2).output(0)

    def _constant(self, array: NDArray[Any]) -> Any:  # noqa: ANN401
        return self._opset.constant(np.ascontiguousarray(array), shared_memory=True)

    def _by_channel(self, array: _Array) -> Any:  # noqa: ANN401
        return self._constant(array.reshape(1, -1, 1, 1))


class EightBitOperations(FloatOperations):
    """The same, with convolutions of 8-bit integers.

    Their inputs are rectified, so they range from 0 to a maximum: the largest value of the training
    radiographs, not a quantile. Clipping at the 99.99th percentile moved a calibrated logit by up
    to 1.5.

    Parameters
    ----------
    maxima
        As in `ModelRelease.activation_maxima`.

    References
    ----------
    Jacob et al., Quantization and training of neural networks for efficient integer-arithmetic-only
    inference, 2018: kernels by channel, activations by tensor.
    """

    def __init__(self, opset: Any, maxima: Sequence[float]) -> None:  # noqa: ANN401
        super().__init__(opset)
        self._maxima: Iterator[float | None] = iter([*[None] * FLOAT_CONVOLUTIONS, *maxima])

    def check_all_used(self) -> None:
        if next(self._maxima, None) is not None:
            raise ReleaseError(
                "the release has more activation maxima than its network has convolutions; "
                "restore the release folder"
            )

    def convolve(self, x: Any, kernel: _Array, bias: _Array, stride: int) -> Any:  # noqa: ANN401
        try:
            largest = next(self._maxima)
        except StopIteration:
            raise ReleaseError(
                "the release has fewer activation maxima than its network has convolutions; "
                "restore the release folder"
            ) from None
        if largest is None:
            return super().convolve(x, kernel, bias, stride)
        bounds = (
            self._constant(np.zeros((), np.float32)),
            self._constant(np.array(max(largest, _LEAST_EXTENT), np.float32)),
        )
        x = self._opset.fake_quantize(x, *bounds, *bounds, _ACTIVATION_LEVELS).output(0)
        return self._convolve(x, self._round_kernel(kernel), bias, stride)

    def _round_kernel(self, kernel: _Array) -> Any:  # noqa: ANN401
        """Return a kernel as 8-bit integers times a step for each filter.

        Rounded here, not by the graph: OpenVINO took a second longer to fold 23 million weights.
        """
        extent = np.maximum(kernel.max(axis=(0, 1, 2)), -kernel.min(axis=(0, 1, 2)))
        step = np.maximum(extent, _LEAST_EXTENT) / np.float32(_LARGEST_WEIGHT)
        integers = np.rint(kernel / step).astype(np.int8)
        rounded = self._opset.convert(self._constant(_put_filters_first(integers)), np.float32)
        return self._opset.multiply(rounded, self._constant(step[:, None, None, None])).output(0)


class RecordingOperations(FloatOperations):
    """The same, recording the input of every convolution."""

    def __init__(self, opset: Any) -> None:  # noqa: ANN401
        super().__init__(opset)
        self.inputs: list[Any] = []

    def convolve(self, x: Any, kernel: _Array, bias: _Array, stride: int) -> Any:  # noqa: ANN401
        self.inputs.append(x)
        return super().convolve(x, kernel, bias, stride)


def _put_filters_first(kernel: NDArray[_Number]) -> NDArray[_Number]:
    """Turn (rows, columns, in, out) into (out, in, rows, columns), contiguous.

    A few channels at a time, which fit the processor's cache: five times as fast.
    """
    rows, columns, before, after = kernel.shape
    turned = np.empty((after, before, rows, columns), kernel.dtype)
    for first in range(0, before, _CHANNELS_AT_ONCE):
        some = slice(first, first + _CHANNELS_AT_ONCE)
        turned[:, some] = kernel[:, :, some].transpose(3, 2, 0, 1)
    return turned

"""ResNet50V2, written once for all engines, in the operations that each engine supplies.

Layers have their names in Keras, so that trained weights fit. This module must not know any engine:
it calls the operations in order, and passes each one its arrays.
"""

from typing import Final, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.weights import Weights

RESNET50V2: Final = "resnet50v2"
Tensor = TypeVar("Tensor")
_Array = NDArray[np.float32]

# Of Keras's batch normalizations in this network.
_EPSILON: Final = 1.001e-5


class _Stack(NamedTuple):
    name: str
    filters: int
    blocks: int
    stride: int  # of the last block, unlike in the network's first version


_STACKS: Final = (
    _Stack("conv2", 64, 3, 2),
    _Stack("conv3", 128, 4, 2),
    _Stack("conv4", 256, 6, 2),
    _Stack("conv5", 512, 3, 1),
)
_STEM_FILTERS: Final = 64


class Operations(Protocol[Tensor]):
    """What an engine must supply. Tensors are (n, channels, rows, columns) in these descriptions.

    An engine may order its own axes otherwise. Kernels are passed as (rows, columns, in, out).
    """

    def convolve(self, x: Tensor, kernel: _Array, bias: _Array, stride: int) -> Tensor:
        """Convolve with an odd square kernel, padded with zeros by half its width."""
        ...

    def scale(self, x: Tensor, factor: _Array, shift: _Array) -> Tensor:
        """Return ``factor * x + shift``, by channel."""
        ...

    def rectify(self, x: Tensor) -> Tensor:
        """Return ``max(x, 0)``."""
        ...

    def pool(self, x: Tensor) -> Tensor:
        """Max-pool 3 x 3 with stride 2, padded with zeros by one pixel."""
        ...

    def subsample(self, x: Tensor, stride: int) -> Tensor:
        """Return every ``stride``-th row and column, beginning with the first."""
        ...

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Add two tensors of one shape."""
        ...

    def average(self, x: Tensor) -> Tensor:
        """Return each channel's mean, (n, channels)."""
        ...

    def combine(self, x: Tensor, kernel: _Array, bias: _Array) -> Tensor:
        """Return ``x @ kernel + bias`` of (n, channels), in float32."""
        ...


def build_resnet50v2(operations: Operations[Tensor], weights: Weights, pixels: Tensor) -> Tensor:
    """Build the network, from (n, 1, rows, columns) in [0, 1] to (n, 1), a logit.

    A normalization that follows a convolution is folded into its kernel: one pass fewer over the
    activations, in every engine.

    Raises
    ------
    ReleaseError
        If the weights are not exactly this network's.

    References
    ----------
    He et al., Identity mappings in deep residual networks, 2016; keras.applications.ResNet50V2.
    """
    network = _Network(operations, weights)
    x = network.convolve(pixels, "conv1_conv", 7, 1, _STEM_FILTERS, stride=2)
    x = operations.pool(x)
    channels = _STEM_FILTERS
    for stack in _STACKS:
        for block in range(1, stack.blocks + 1):
            stride = stack.stride if block == stack.blocks else 1
            name = f"{stack.name}_block{block}"
            x = network.add_block(x, name, channels, stack.filters, stride)
            channels = 4 * stack.filters
    x = operations.average(network.normalize(x, "post_bn", channels))
    kernel = weights.take("logit/kernel", (channels, 1))
    logit = operations.combine(x, kernel, weights.take("logit/bias", (1,)))
    weights.check_all_taken()
    return logit


class _Network(Generic[Tensor]):
    """Layers that take their weights by name."""

    def __init__(self, operations: Operations[Tensor], weights: Weights) -> None:
        self._operations = operations
        self._weights = weights

    def add_block(self, x: Tensor, name: str, channels: int, filters: int, stride: int) -> Tensor:
        """Add a bottleneck block to its shortcut; both begin after the first normalization."""
        operations = self._operations
        ready = self.normalize(x, f"{name}_preact_bn", channels)
        if channels != 4 * filters:  # the first of its stack
            shortcut = self.convolve(ready, f"{name}_0_conv", 1, channels, 4 * filters)
        else:
            shortcut = operations.subsample(x, stride) if stride > 1 else x
        y = self.convolve_normalized(ready, f"{name}_1", 1, channels, filters)
        y = self.convolve_normalized(y, f"{name}_2", 3, filters, filters, stride=stride)
        return operations.add(shortcut, self.convolve(y, f"{name}_3_conv", 1, filters, 4 * filters))

    def convolve(
        self, x: Tensor, name: str, size: int, before: int, after: int, *, stride: int = 1
    ) -> Tensor:
        """Convolve with a bias."""
        kernel = self._weights.take(f"{name}/kernel", (size, size, before, after))
        bias = self._weights.take(f"{name}/bias", (after,))
        return self._operations.convolve(x, kernel, bias, stride)

    def convolve_normalized(
        self, x: Tensor, name: str, size: int, before: int, after: int, *, stride: int = 1
    ) -> Tensor:
        """Convolve, normalize, rectify."""
        kernel = self._weights.take(f"{name}_conv/kernel", (size, size, before, after))
        factor, shift = self._take_normalization(f"{name}_bn", after)
        return self._operations.rectify(
            self._operations.convolve(x, kernel * factor, shift, stride)
        )

    def normalize(self, x: Tensor, name: str, channels: int) -> Tensor:
        """Normalize, rectify."""
        factor, shift = self._take_normalization(name, channels)
        return self._operations.rectify(self._operations.scale(x, factor, shift))

    def _take_normalization(self, name: str, channels: int) -> tuple[_Array, _Array]:
        gamma, beta, mean, variance = (
            self._weights.take(f"{name}/{part}", (channels,))
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        factor = gamma / np.sqrt(variance + np.float32(_EPSILON))
        return factor, beta - factor * mean

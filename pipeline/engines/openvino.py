"""Runs the network with OpenVINO on the processor, in bfloat16 where the processor has it.

The graph is built here from the arrays, so no other library of networks is needed, and the process
is ready in a second. The only module of the pipeline that imports OpenVINO.
"""

from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.names import Precision
from pipeline.engines.resnet50v2 import build_resnet50v2
from pipeline.engines.weights import Weights
from pipeline.imports import absent

# Images that one core works on at once. On two Zen 5 cores 1, 4, 8, 16 and 32 gave 224, 294, 283,
# 285 and 297 images/s: more would only make the last ones of a batch wait.
_IMAGES_A_REQUEST: Final = 4
_HINTS: Final = {Precision.FLOAT32: "f32", Precision.BFLOAT16: "bf16"}
_Array = NDArray[np.float32]


class OpenVinoEngine:
    """A compiled graph of a fixed shape, a stream of requests on each core.

    Parameters
    ----------
    requests
        An ``AsyncInferQueue``, whose requests take (4, 1, size, size) float32.
    """

    def __init__(self, requests: Any, size_px: int, precision: Precision) -> None:  # noqa: ANN401
        self.precision = precision
        self.name = f"openvino-{precision}"
        self._shape = (_IMAGES_A_REQUEST, 1, size_px, size_px)
        self._requests = requests
        self._requests.set_callback(_take_logits)

    @classmethod
    def load(cls, weights: Weights, size_px: int, precision: Precision | None = None) -> Self:
        """Build and compile the graph; in bfloat16 by default where that is the processor's own.

        Raises
        ------
        ReleaseError
            If the weights do not fit the architecture.
        ImportError
            If OpenVINO is not installed.
        """
        ov = _import_openvino()
        opset13 = ov.opset13
        pixels = opset13.parameter((_IMAGES_A_REQUEST, 1, size_px, size_px), np.float32)
        logit = build_resnet50v2(_Operations(opset13), weights, pixels.output(0))
        core = ov.Core()
        if precision is None:
            native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            precision = Precision.BFLOAT16 if native else Precision.FLOAT32
        compiled = core.compile_model(
            ov.Model([logit], [pixels]),
            "CPU",
            {
                "PERFORMANCE_HINT": "THROUGHPUT",
                "INFERENCE_PRECISION_HINT": _HINTS[precision],
                # The readers need the same cores: a stream bound to one waits there for them.
                "ENABLE_CPU_PINNING": False,
            },
        )
        return cls(ov.AsyncInferQueue(compiled), size_px, precision)

    def warm_up(self, batch_size: int) -> None:
        """Run as many images once: the first run of a request allocates its memory."""
        self.logits(np.zeros((batch_size, *self._shape[2:]), np.float32))

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Run the network, (n, size, size) -> (n,), a few images a core at a time."""
        requests = -(-len(pixels) // _IMAGES_A_REQUEST)
        padded = np.zeros((requests, *self._shape), np.float32)
        padded.reshape(-1, *self._shape[2:])[: len(pixels)] = pixels
        logits = np.empty((requests, _IMAGES_A_REQUEST))
        for images, place in zip(padded, logits, strict=True):
            self._requests.start_async({0: images}, place, share_inputs=True)
        self._requests.wait_all()
        return logits.reshape(-1)[: len(pixels)]


def _import_openvino() -> Any:  # noqa: ANN401
    """Import OpenVINO without its telemetry.

    Where that is installed, and it comes with OpenVINO, every import would count itself in the
    user's home folder and report itself to a server outside: not from a hospital's network.
    """
    with absent("openvino_telemetry"):
        import openvino as ov  # noqa: PLC0415
    return ov


def _take_logits(request: Any, place: NDArray[np.float64]) -> None:  # noqa: ANN401
    place[:] = request.get_output_tensor(0).data[:, 0]


class _Operations:
    """OpenVINO's operations on (n, channels, rows, columns)."""

    def __init__(self, opset: Any) -> None:  # noqa: ANN401 - its functions make nodes of any kind
        self._opset = opset

    def convolve(self, x: Any, kernel: _Array, bias: _Array, stride: int) -> Any:  # noqa: ANN401
        around = [kernel.shape[0] // 2] * 2
        y = self._opset.convolution(
            x, self._constant(kernel.transpose(3, 2, 0, 1)), [stride] * 2, around, around, [1, 1]
        )
        return self._opset.add(y, self._by_channel(bias)).output(0)

    def scale(self, x: Any, factor: _Array, shift: _Array) -> Any:  # noqa: ANN401
        scaled = self._opset.multiply(x, self._by_channel(factor))
        return self._opset.add(scaled, self._by_channel(shift)).output(0)

    def rectify(self, x: Any) -> Any:  # noqa: ANN401
        return self._opset.relu(x).output(0)

    def pool(self, x: Any) -> Any:  # noqa: ANN401
        # Its own padding counts as minus infinity; the network was trained with zeros.
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

    def _maximum(self, x: Any, size: int, stride: int) -> Any:  # noqa: ANN401
        none = [0, 0]
        return self._opset.max_pool(x, [stride] * 2, [1, 1], none, none, [size] * 2).output(0)

    def _constant(self, array: _Array) -> Any:  # noqa: ANN401
        return self._opset.constant(np.ascontiguousarray(array))

    def _by_channel(self, array: _Array) -> Any:  # noqa: ANN401
        return self._constant(array.reshape(1, -1, 1, 1))

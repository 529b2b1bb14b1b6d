"""Runs the network with OpenVINO on the processor, in 8 bits where the release has maxima for that.

The graph is built here from the arrays, so no other network library is needed, and the process is
ready in a second. Only this module of the pipeline imports OpenVINO.
"""

from collections.abc import Sequence
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.engines.names import Precision
from pipeline.engines.openvino_operations import (
    FLOAT_CONVOLUTIONS,
    EightBitOperations,
    FloatOperations,
    RecordingOperations,
)
from pipeline.engines.resnet50v2 import build_resnet50v2
from pipeline.engines.weights import Weights
from pipeline.imports import package_hidden

# An 8-bit network's first and last layers, and its sums, are computed in float32.
_HINTS: Final = {Precision.FLOAT32: "f32", Precision.BFLOAT16: "bf16", Precision.INT8: "f32"}


class OpenVinoEngine:
    """A compiled graph of a fixed shape, with a stream of requests on each core.

    Each image is one request, so that a single live study is fast: it takes 4 ms instead of 16 in
    requests of four, on cores with AMX; 16 instead of 54 where oneDNN may use only AVX2. A batch of
    32 in 8 bits takes 2.0 ms an image on two cores either way, with AVX2 7.6 instead of 6.8; in
    float32, which few images need, 10.6 instead of 8.5.

    Parameters
    ----------
    requests
        An ``AsyncInferQueue``, whose requests take (1, 1, size, size) float32.
    """

    def __init__(self, requests: Any, size_px: int, precision: Precision) -> None:  # noqa: ANN401
        self.precision = precision
        self.name = f"openvino-{precision}"
        self._size_px = size_px
        self._requests = requests
        self._requests.set_callback(_take_logit)

    @classmethod
    def load(
        cls,
        weights: Weights,
        size_px: int,
        precision: Precision | None = None,
        activation_maxima: Sequence[float] = (),
    ) -> Self:
        """Build and compile the graph.

        Parameters
        ----------
        precision
            By default int8 where there are maxima; else bfloat16 where the processor supports it,
            and float32 elsewhere.
        activation_maxima
            As in `ModelRelease`.

        Raises
        ------
        ReleaseError
            If the weights, or the maxima, do not fit the architecture.
        ImportError
            If OpenVINO is not installed.
        """
        ov = _import_openvino()
        opset13 = ov.opset13
        core = ov.Core()
        if precision is None:
            native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            precision = Precision.BFLOAT16 if native else Precision.FLOAT32
            precision = Precision.INT8 if activation_maxima else precision
        operations = (
            EightBitOperations(opset13, activation_maxima)
            if precision is Precision.INT8
            else FloatOperations(opset13)
        )
        pixels = opset13.parameter((1, 1, size_px, size_px), np.float32)
        logit = build_resnet50v2(operations, weights, pixels.output(0))
        operations.check_all_used()
        compiled = core.compile_model(
            ov.Model([logit], [pixels]),
            "CPU",
            {
                "PERFORMANCE_HINT": "THROUGHPUT",
                "INFERENCE_PRECISION_HINT": _HINTS[precision],
                # The readers use the same cores: a pinned stream would have to wait for them.
                "ENABLE_CPU_PINNING": False,
            },
        )
        # Two for each stream, so that the next image is ready when one is done.
        requests = 2 * compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        return cls(ov.AsyncInferQueue(compiled, requests), size_px, precision)

    def warm_up(self, batch_size: int) -> None:
        """Run each request once, since its first run allocates memory."""
        images = min(batch_size, len(self._requests))
        self.logits(np.zeros((images, self._size_px, self._size_px), np.float32))

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Run the network, (n, size, size) -> (n,), an image on each core at a time."""
        pixels = np.ascontiguousarray(pixels)  # the requests share its memory
        logits = np.empty(len(pixels))
        for place, image in enumerate(pixels):
            self._requests.start_async({0: image[None, None]}, (logits, place), share_inputs=True)
        self._requests.wait_all()
        return logits


def measure_activations(
    weights: Weights, size_px: int, pixels: NDArray[np.float32]
) -> tuple[float, ...]:
    """Measure the largest input of each convolution that may have 8 bits, for a release.

    Parameters
    ----------
    pixels
        (n, size, size), float32 in [0, 1]: a few hundred training radiographs.
    """
    ov = _import_openvino()
    operations = RecordingOperations(ov.opset13)
    image = ov.opset13.parameter((1, 1, size_px, size_px), np.float32)
    build_resnet50v2(operations, weights, image.output(0))
    model = ov.Model(
        [ov.opset13.result(each) for each in operations.inputs[FLOAT_CONVOLUTIONS:]], [image]
    )
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = [
        [float(each.max()) for each in compiled(one).values()] for one in pixels[:, None, None]
    ]
    return tuple(np.max(found, axis=0).tolist())


def _import_openvino() -> Any:  # noqa: ANN401
    """Import OpenVINO without its telemetry.

    The telemetry package comes with OpenVINO. On import it writes to the user's home folder and
    reports to an external server, which a hospital's network must not allow.
    """
    with package_hidden("openvino_telemetry"):
        import openvino as ov  # noqa: PLC0415
    return ov


def _take_logit(request: Any, into: tuple[NDArray[np.float64], int]) -> None:  # noqa: ANN401
    logits, place = into
    logits[place] = request.get_output_tensor(0).data[0, 0]

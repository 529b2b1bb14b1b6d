"""Chooses the engine for this machine, and builds it.

This module must not import any library that runs networks; it only looks which are installed.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pipeline.engines.engine import InferenceEngine
from pipeline.engines.guarded import MARGIN, GuardedEngine
from pipeline.engines.names import EngineName, Precision
from pipeline.engines.resnet50v2 import RESNET50V2
from pipeline.engines.weights import Weights
from pipeline.errors import ClassifierError, ReleaseError
from pipeline.release import WEIGHTS_FILE, ModelRelease


def choose_engine(
    *, openvino: bool | None = None, tensorflow: bool | None = None, gpu: bool | None = None
) -> EngineName:
    """Return OpenVINO where it is installed and TensorFlow has no GPU, else TensorFlow.

    Parameters
    ----------
    openvino, tensorflow
        Whether each is installed; looked up by default.
    gpu
        Whether there is a GPU that TensorFlow can use; looked up by default.

    Raises
    ------
    ClassifierError
        If neither is installed.
    """
    openvino = find_spec("openvino") is not None if openvino is None else openvino
    tensorflow = find_spec("tensorflow") is not None if tensorflow is None else tensorflow
    gpu = has_gpu() if gpu is None else gpu
    if openvino and not (tensorflow and gpu):
        return EngineName.OPENVINO
    if tensorflow:
        return EngineName.TENSORFLOW
    raise ClassifierError(
        "nothing is installed that can run the network; "
        "install pneumoscreen[openvino], [cpu] or [gpu]"
    )


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """Return whether there is an NVIDIA GPU, and a TensorFlow that can use it.

    By its device file, which a container without a GPU lacks even if its host has one.
    """
    try:
        version("tensorflow")  # the distribution tensorflow-cpu cannot use a GPU
    except PackageNotFoundError:
        return False
    return any(devices.glob("nvidia[0-9]*"))


def build_engine(
    release: ModelRelease, folder: Path, engine: EngineName, *, for_many: bool = False
) -> InferenceEngine:
    """Load a release's weights, whose digest was checked, into an engine.

    An engine of reduced precision is guarded, so that no band depends on its precision.

    Parameters
    ----------
    for_many
        Load the exact engine of a guarded one at once. When it is first needed, the readers would
        have to wait for it.

    Raises
    ------
    ReleaseError
        If no engine can build the architecture, or the weights do not fit it.
    ClassifierError
        If the engine is not installed.
    """
    if release.architecture != RESNET50V2:
        raise ReleaseError(
            f"this version cannot build the architecture {release.architecture!r}; "
            "install the version that the release was made for"
        )
    chosen = choose_engine() if engine is EngineName.AUTO else engine
    load = _LOADERS[chosen]
    weights, size_px = Weights.read(folder / WEIGHTS_FILE), release.preprocessing.size_px
    try:
        loaded = load(weights, size_px, None, release.activation_maxima)
    except ImportError as error:
        raise ClassifierError(
            f"the engine {chosen} cannot be loaded ({error}); install pneumoscreen"
            f"{_EXTRAS[chosen]}, or set PNEUMOSCREEN_ENGINE"
        ) from error
    if loaded.precision is Precision.FLOAT32:
        return loaded
    guarded = GuardedEngine(
        loaded,
        lambda: load(weights.reopened(), size_px, Precision.FLOAT32, ()),
        cutoffs=[release.calibration.logit_of(point) for point in decisive_points(release)],
        margin=MARGIN / release.calibration.slope,
    )
    if for_many:
        guarded.load_exact()
    return guarded


def decisive_points(release: ModelRelease) -> list[float]:
    """Return the probabilities at which a band changes, and 0.5, used in published figures."""
    points = release.operating_points
    # A release that is still being built has 0 and 1, which no logit reaches.
    decisive = (points.high_sensitivity, 0.5, points.high_specificity)
    return [point for point in decisive if 0 < point < 1]


def _load_tensorflow(
    weights: Weights,
    size_px: int,
    precision: Precision | None,
    _activation_maxima: Sequence[float],
) -> InferenceEngine:
    from pipeline.engines.tensorflow import TensorFlowEngine  # noqa: PLC0415

    return TensorFlowEngine.load(weights, size_px, precision)


def _load_openvino(
    weights: Weights,
    size_px: int,
    precision: Precision | None,
    activation_maxima: Sequence[float],
) -> InferenceEngine:
    from pipeline.engines.openvino import OpenVinoEngine  # noqa: PLC0415

    return OpenVinoEngine.load(weights, size_px, precision, activation_maxima)


_Load = Callable[[Weights, int, Precision | None, Sequence[float]], InferenceEngine]
_LOADERS: Final[dict[EngineName, _Load]] = {
    EngineName.TENSORFLOW: _load_tensorflow,
    EngineName.OPENVINO: _load_openvino,
}
_EXTRAS: Final = {EngineName.TENSORFLOW: "[cpu] or [gpu]", EngineName.OPENVINO: "[openvino]"}

"""Runs a model release: prepared pixels in, calibrated probabilities out.

The only module of this room that imports TensorFlow, and it does so on first use, so that reader
processes and the database never pay for it. It must not know files, headers or the worklist.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from pipeline.errors import ClassifierError, ReleaseError
from pipeline.release import WEIGHTS_FILE, ModelRelease, load_release

RESNET50V2: Final = "resnet50v2"
# Any other number of images is padded to one of these: every new shape has kernels of its own
# prepared, which costs seconds, and memory that is never given back.
BATCH_SIZES: Final = (1, 2, 4, 8, 16, 32)


def build_network(architecture: str, size_px: int) -> Any:  # noqa: ANN401
    """Build an architecture, with random weights.

    Parameters
    ----------
    architecture
        ``resnet50v2``.
    size_px
        Rows and columns of the input.

    Returns
    -------
    keras.Model
        (n, size_px, size_px, 1) float32 in [0, 1] -> (n, 1) float32, a logit.

    Raises
    ------
    ReleaseError
        If the architecture is not known.

    References
    ----------
    He et al., Identity mappings in deep residual networks, 2016.
    """
    if architecture != RESNET50V2:
        raise ReleaseError(
            f"this version cannot build the architecture {architecture!r}; "
            "install the version that the release was made for"
        )
    with _quiet_import():
        import keras  # noqa: PLC0415

    body = keras.applications.ResNet50V2(
        include_top=False, weights=None, input_shape=(size_px, size_px, 1), pooling="avg"
    )
    dropped = keras.layers.Dropout(0.2, name="dropout")(body.output)
    logit = keras.layers.Dense(1, dtype="float32", name="logit")(dropped)
    return keras.Model(body.input, logit, name=RESNET50V2)


def load_weights(network: Any, file: Path) -> None:  # noqa: ANN401
    """Put the arrays of a safetensors file, named by variable path, into a network.

    Raises
    ------
    ReleaseError
        If names or shapes are not exactly those of the network.
    """
    arrays = load_file(file)
    expected = {variable.path: tuple(variable.shape) for variable in network.weights}
    found = {name: array.shape for name, array in arrays.items()}
    if expected != found:
        wrong = sorted(expected.items() ^ found.items())
        raise ReleaseError(
            f"{file} does not fit the architecture {network.name} ({len(wrong)} entries differ, "
            f"first {wrong[0][0]}); restore the release folder"
        )
    for variable in network.weights:
        variable.assign(arrays[variable.path].astype(np.float32))


class _DeviceMemoryError(Exception):
    """The device's memory does not suffice for a batch."""


class Classifier:
    """A loaded release.

    One process, one classifier: TensorFlow survives no fork, and takes the whole device.
    """

    engine: Final = "tensorflow"

    def __init__(self, release: ModelRelease, network: Any) -> None:  # noqa: ANN401
        self.release = release
        self._run = _freeze(network)
        self._largest_batch = BATCH_SIZES[-1]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Check a release folder and load its weights.

        Raises
        ------
        ReleaseError
            If the folder is not a release, or does not fit this version.
        """
        release = load_release(folder)
        network = build_network(release.architecture, release.preprocessing.size_px)
        load_weights(network, folder / WEIGHTS_FILE)
        return cls(release, network)

    def warm_up(self, batch_size: int) -> None:
        """Run every batch shape up to ``batch_size`` once, so that no study waits for it."""
        size = self.release.preprocessing.size_px
        for count in BATCH_SIZES:
            self.classify(np.zeros((count, size, size), np.float32))
            if count >= batch_size:
                break

    def classify(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score prepared radiographs.

        Parameters
        ----------
        pixels
            (n, size, size), float32 in [0, 1], from `pipeline.preprocessing`.

        Returns
        -------
        numpy.ndarray
            (n,), float64 in [0, 1]: calibrated probabilities of pneumonia.

        Raises
        ------
        ClassifierError
            If the network gives anything but finite numbers: never to be read as negative.
        """
        logits = self.logits(pixels)
        if not np.isfinite(logits).all():
            raise ClassifierError(
                f"release {self.release.name} gave a logit that is not a finite number; "
                "restore the release folder, then restart the worker"
            )
        calibration = self.release.calibration
        # tanh keeps within range where exp would overflow: sigmoid(x) = (1 + tanh(x / 2)) / 2.
        return (1 + np.tanh((calibration.slope * logits + calibration.offset) / 2)) / 2

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give the network's own outputs, (n,) float64, before calibration."""
        parts = [np.empty(0)]
        start = 0
        while start < len(pixels):
            batch = pixels[start : start + self._largest_batch]
            try:
                parts.append(self._logits_of_batch(batch))
            except _DeviceMemoryError as error:
                self._halve_batches(error)
            else:
                start += len(batch)
        return np.concatenate(parts)

    def _halve_batches(self, error: Exception) -> None:
        """Go on with smaller batches, for good: another program may share the device."""
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
        return np.asarray(self._run(batch)[0], np.float64)[: len(pixels), 0]


def _freeze(network: Any) -> Any:  # noqa: ANN401
    """Trace a network once, for any batch size, its weights as constants.

    Constants let TensorFlow fold normalizations into convolutions.
    """
    with _quiet_import():
        import tensorflow as tf  # noqa: PLC0415
        from tensorflow.python.framework import convert_to_constants  # noqa: PLC0415

    traced = tf.function(
        lambda pixels: network(pixels, training=False),
        input_signature=[tf.TensorSpec([None, *network.input.shape[1:]], tf.float32)],
    ).get_concrete_function()
    frozen = convert_to_constants.convert_variables_to_constants_v2(traced)

    def run(batch: NDArray[np.float32]) -> Any:  # noqa: ANN401 - TensorFlow's tensors
        try:
            return frozen(tf.constant(batch))
        except tf.errors.ResourceExhaustedError as error:
            raise _DeviceMemoryError from error

    return run


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Keep TensorFlow's greetings off the terminal.

    Some are written to file descriptor 2 before any log level is heeded.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" in sys.modules:
        yield
        return
    sys.stderr.flush()
    terminal = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)

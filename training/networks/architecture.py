"""Builds the served network for training, and reads its weights.

Written with keras.* alone, as all of training. In serving `pipeline.engines.resnet50v2` builds the
same network without Keras, from the same weights under the same names.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from pipeline.engines.resnet50v2 import RESNET50V2
from pipeline.errors import ReleaseError


def build_network(architecture: str, size_px: int) -> keras.Model:
    """Build an architecture that can be served, with random weights.

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
    body = keras.applications.ResNet50V2(
        include_top=False, weights=None, input_shape=(size_px, size_px, 1), pooling="avg"
    )
    dropped = keras.layers.Dropout(0.2, name="dropout")(body.output)
    logit = keras.layers.Dense(1, dtype="float32", name="logit")(dropped)
    return keras.Model(body.input, logit, name=RESNET50V2)


def read_weights(file: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of a safetensors file, by variable path.

    Raises
    ------
    ReleaseError
        If the file holds no arrays.
    """
    try:
        return dict(load_file(file))
    except (OSError, SafetensorError) as error:
        raise ReleaseError(f"{file} is no file of weights ({error}); restore it") from error


def load_weights(network: keras.Model, file: Path) -> None:
    """Put the arrays of a safetensors file, named by variable path, into a network.

    Raises
    ------
    ReleaseError
        If the file holds no arrays, or names or shapes are not exactly those of the network.
    """
    arrays = read_weights(file)
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

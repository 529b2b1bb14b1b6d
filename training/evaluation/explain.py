"""Explains scores: class activation maps, and the strongest channels of each layer.

This module must not know labels, nor how a report is laid out.
"""

from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

# The last layer of each resolution of ResNet50V2, shallow to deep.
LAYERS: Final = (
    "conv1_conv",
    "conv2_block2_out",
    "conv3_block3_out",
    "conv4_block5_out",
    "post_relu",
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one prepared image.

    Attributes
    ----------
    heat
        (rows, columns), float32: each position's contribution to the logit, in the last layer.
    activations
        Per layer the strongest channels, (channels, rows, columns).
    """

    heat: NDArray[np.float32]
    activations: dict[str, NDArray[np.float32]]


def explain(network: Any, pixels: NDArray[np.float32], channels: int = 6) -> list[Explanation]:  # noqa: ANN401
    """Explain the logits of prepared images.

    Where a network ends in global average pooling and one dense layer, Grad-CAM's channel
    weights are that layer's own, so no gradient is needed: the map is exact, and its mean over all
    positions is the logit (less the bias).

    Parameters
    ----------
    network
        A ResNet50V2, as `training.fitting.run.load_averaged` gives it.
    pixels
        (n, size, size), float32 in [0, 1].
    channels
        How many channels of each layer to give, those with the largest variation first.

    References
    ----------
    Zhou et al., Learning deep features for discriminative localization, 2016; Selvaraju et al.,
    Grad-CAM, 2017, section 3.1.
    """
    outputs = {name: network.get_layer(name).output for name in LAYERS}
    answers = keras.Model(network.input, outputs)(pixels[..., None], training=False)
    layers = {name: _to_array(answer) for name, answer in answers.items()}
    kernel = _to_array(network.get_layer("logit").kernel)[:, 0]
    return [
        Explanation(
            heat=layers["post_relu"][image] @ kernel,
            activations={
                name: _strongest(answer[image], channels) for name, answer in layers.items()
            },
        )
        for image in range(len(pixels))
    ]


def _to_array(values: Any) -> NDArray[np.float32]:  # noqa: ANN401
    return np.asarray(keras.ops.convert_to_numpy(values), np.float32)


def _strongest(answer: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    # By standard deviation, not by mean: a channel that is on everywhere shows nothing.
    order = np.argsort(-answer.std(axis=(0, 1)))[:count]
    return np.moveaxis(answer[..., order], -1, 0)

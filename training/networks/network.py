"""Builds the networks that are compared, with the lung head that only training has.

Written with keras.* alone, so that they train on the TensorFlow, JAX or PyTorch backend. This
module must not know any data.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from keras import layers

from pipeline.engines.resnet50v2 import RESNET50V2
from training.errors import TrainingError
from training.networks.architecture import build_network, load_weights
from training.networks.efficientnet_lite import (
    EFFICIENTNET_LITE0,
    build_efficientnet_lite0,
    load_imagenet_weights,
)

# Downsampling factor of the coarsest layer that the lung head takes.
COARSEST_STRIDE: Final = 32
# Layers of ResNet50V2 that the lung head takes, coarse to fine: 4, 8, 16, 32 px for a 128 px input.
LUNG_TAPS: Final = ("post_relu", "conv4_block5_out", "conv3_block3_out", "conv2_block2_out")


def build_ann(size_px: int) -> keras.Model:
    """Build the dense network of the published study: flat image, hidden layers, one logit."""
    return keras.Sequential(
        [
            layers.Input((size_px, size_px, 1)),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(1, dtype="float32", name="logit"),
        ],
        name="ann",
    )


def build_cnn(size_px: int) -> keras.Model:
    """Build a plain convolutional network: four blocks, global pooling, one logit."""
    inputs = layers.Input((size_px, size_px, 1))
    x = inputs
    for filters in (32, 64, 128, 256):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(1, dtype="float32", name="logit")(x), name="cnn")


def build_vgg16(size_px: int) -> keras.Model:
    """Build VGG16 with global pooling and one logit."""
    body = keras.applications.VGG16(
        include_top=False, weights=None, input_shape=(size_px, size_px, 1), pooling="avg"
    )
    x = layers.Dropout(0.3)(body.output)
    return keras.Model(body.input, layers.Dense(1, dtype="float32", name="logit")(x), name="vgg16")


def build_resnet50v2(size_px: int) -> keras.Model:
    """Build the network that is served."""
    network: keras.Model = build_network(RESNET50V2, size_px)
    return network


BUILDERS: Final[dict[str, Callable[[int], keras.Model]]] = {
    "ann": build_ann,
    "cnn": build_cnn,
    "vgg16": build_vgg16,
    RESNET50V2: build_resnet50v2,
    EFFICIENTNET_LITE0: build_efficientnet_lite0,
}

# Networks whose batch normalization is replaced by TensorFlow's fused kernel.
FUSED: Final = (RESNET50V2, EFFICIENTNET_LITE0)


def build_for_training(name: str, size_px: int, *, lung_head: bool) -> keras.Model:
    """Build a network to train, with named outputs: ``logit`` and, for ResNet50V2, ``lungs``.

    ``lungs`` is a map of the lung fields, (n, size / 4, size / 4, 1) logits: an auxiliary target
    that teaches the network where the lungs are. The release leaves it out.

    Raises
    ------
    TrainingError
        If there is no network of this name, or its lung head does not fit the size.
    """
    if name not in BUILDERS:
        raise TrainingError(f"no network {name!r}; there are {', '.join(BUILDERS)}")
    if name == RESNET50V2 and lung_head and size_px % COARSEST_STRIDE:
        raise TrainingError(
            f"{size_px} px do not halve down to the lung head; give a multiple of 32"
        )
    network = BUILDERS[name](size_px)
    if name in FUSED and keras.backend.backend() == "tensorflow":
        network = with_fused_normalization(network)
    if name != RESNET50V2:
        return keras.Model(network.inputs[0], {"logit": network.outputs[0]}, name=name)
    outputs = {"logit": network.output}
    if lung_head:
        outputs["lungs"] = _lung_head([network.get_layer(tap).output for tap in LUNG_TAPS])
    return keras.Model(network.input, outputs, name=name)


def with_fused_normalization(network: keras.Model) -> keras.Model:
    """Replace batch normalization by TensorFlow's fused kernel, where it runs.

    The same weights under the same names. On two Intel Xeon cores with AMX, training with it gave
    26 images/s against 19, and 47 against 28 in bfloat16.
    """
    from training.networks.fused_normalization import FusedBatchNormalization  # noqa: PLC0415

    def replace(layer: Any) -> Any:  # noqa: ANN401
        if type(layer) is layers.BatchNormalization:
            return FusedBatchNormalization.from_config(layer.get_config())
        return layer.__class__.from_config(layer.get_config())

    return keras.models.clone_model(network, clone_function=replace)


def serving_part(network: keras.Model) -> keras.Model:
    """Give the network that maps pixels to the logit alone, sharing the weights."""
    served = keras.Model(network.input, network.output["logit"], name=network.name)
    served.compile(jit_compile=wants_xla())
    return served


def wants_xla() -> bool:
    """Whether to compile by XLA: JAX needs it to be fast; it halves TensorFlow's speed on CPUs."""
    return bool(keras.backend.backend() == "jax")


def load_initial_weights(network: keras.Model, weights: str) -> None:
    """Load initial weights: ``imagenet``, a release's safetensors file, or ``none`` (random).

    Raises
    ------
    TrainingError
        If the weights cannot be loaded, or do not fit.
    """
    if weights == "none":
        return
    if weights != "imagenet":
        if not Path(weights).is_file():
            raise TrainingError(f"no weights in {weights}; give imagenet, none, a file, or a run")
        load_weights(serving_part(network), Path(weights))
        return
    if network.name == EFFICIENTNET_LITE0:
        load_imagenet_weights(network)
        return
    pretrained_bodies = {
        RESNET50V2: keras.applications.ResNet50V2,
        "vgg16": keras.applications.VGG16,
    }
    if network.name not in pretrained_bodies:
        raise TrainingError(f"there are no ImageNet weights for {network.name}; use none")
    size_px = network.input.shape[1]
    try:
        pretrained = pretrained_bodies[network.name](
            include_top=False, weights="imagenet", input_shape=(size_px, size_px, 3)
        )
    except Exception as error:  # Keras's downloader raises many types
        raise TrainingError(
            f"the ImageNet weights of {network.name} could not be downloaded ({error}); "
            "use --weights none, or a file"
        ) from error
    for layer in pretrained.layers:
        values = layer.get_weights()
        if not values:
            continue
        target = network.get_layer(layer.name)
        if values[0].shape != tuple(target.weights[0].shape):  # the first convolution: 3 channels
            values = _for_gray(network.name, *values)
        target.set_weights(values)


def _for_gray(name: str, kernel: Any, bias: Any) -> list[Any]:  # noqa: ANN401
    """Fold ImageNet's input scaling into a first convolution, for one channel in [0, 1]."""
    if name == RESNET50V2:  # it was trained on 2 x - 1
        return [2 * kernel.sum(axis=2, keepdims=True), bias - kernel.sum(axis=(0, 1, 2))]
    means = np.array([103.939, 116.779, 123.68], np.float32)  # VGG16: 255 x - mean, BGR
    shift = (kernel * means[None, None, :, None]).sum(axis=(0, 1, 2))
    return [255 * kernel.sum(axis=2, keepdims=True), bias - shift]


def _lung_head(taps: list[Any]) -> Any:  # noqa: ANN401
    x = None
    for level, tap in enumerate(taps):
        side = layers.Conv2D(64, 1, padding="same", name=f"lungs_tap{level}")(tap)
        if x is not None:
            if x.shape[1] != side.shape[1]:
                x = layers.UpSampling2D(interpolation="bilinear", name=f"lungs_up{level}")(x)
            side = layers.Add(name=f"lungs_add{level}")([x, side])
        x = layers.Activation("relu", name=f"lungs_relu{level}")(
            layers.Conv2D(64, 3, padding="same", name=f"lungs_conv{level}")(side)
        )
    return layers.Conv2D(1, 1, dtype="float32", name="lungs")(x)

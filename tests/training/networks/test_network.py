import keras
import numpy as np
import pytest

from pipeline.errors import ReleaseError
from training.errors import TrainingError
from training.networks import network as networks
from training.networks.architecture import build_network
from training.networks.network import (
    BUILDERS,
    build_for_training,
    load_initial_weights,
    serving_part,
)

pytestmark = pytest.mark.tensorflow
SIZE_PX = 32


@pytest.fixture(scope="module")
def resnet():
    return build_for_training("resnet50v2", SIZE_PX, lung_head=True)


@pytest.mark.parametrize("name", ["ann", "cnn", "vgg16", "efficientnet_lite0"])
def test_every_network_gives_one_finite_logit(name):
    network = serving_part(build_for_training(name, SIZE_PX, lung_head=False))
    pixels = np.full((2, SIZE_PX, SIZE_PX, 1), 0.5, np.float32)
    logits = network.predict_on_batch(pixels)
    assert logits.shape == (2, 1)
    assert np.isfinite(logits).all()


def test_lung_head_maps_a_quarter_of_the_resolution(resnet):
    assert resnet.output["lungs"].shape == (None, SIZE_PX // 4, SIZE_PX // 4, 1)


def test_served_network_has_the_weights_of_the_trained_one_under_the_same_names(resnet):
    served = build_network("resnet50v2", SIZE_PX)
    trained = {weight.path: tuple(weight.shape) for weight in serving_part(resnet).weights}
    assert trained == {weight.path: tuple(weight.shape) for weight in served.weights}


def test_size_that_does_not_fit_the_lung_head_is_refused():
    with pytest.raises(TrainingError, match="multiple of 32"):
        build_for_training("resnet50v2", 100, lung_head=True)


def test_unknown_network_is_refused():
    with pytest.raises(TrainingError, match="no network"):
        build_for_training("alexnet", SIZE_PX, lung_head=False)


def test_missing_weights_file_is_refused(resnet):
    with pytest.raises(TrainingError, match="no weights"):
        load_initial_weights(resnet, "/nowhere/weights.safetensors")


def test_file_that_holds_no_weights_is_refused(resnet, tmp_path):
    (tmp_path / "notes.bin").write_bytes(b"no arrays in here")
    with pytest.raises(ReleaseError, match="no file of weights"):
        load_initial_weights(resnet, str(tmp_path / "notes.bin"))


def test_failed_download_says_what_to_do_instead(resnet, monkeypatch):
    def fail(**_arguments):
        raise OSError("no route to host")

    monkeypatch.setattr(keras.applications, "ResNet50V2", fail)
    with pytest.raises(TrainingError, match=r"no route to host.*--weights none"):
        load_initial_weights(resnet, "imagenet")


def test_networks_without_imagenet_weights_say_so():
    cnn = build_for_training("cnn", SIZE_PX, lung_head=False)
    with pytest.raises(TrainingError, match="no ImageNet weights"):
        load_initial_weights(cnn, "imagenet")


@pytest.mark.parametrize("name", ["resnet50v2", "vgg16"])
def test_first_convolution_folds_the_scaling_of_imagenet(name):
    random = np.random.default_rng(1)
    kernel, bias = random.normal(size=(3, 3, 3, 4)), random.normal(size=4)
    gray = random.random((3, 3))
    colour = np.repeat(gray[..., None], 3, axis=2)
    if name == "resnet50v2":
        scaled = 2 * colour - 1
    else:
        scaled = 255 * colour - np.array([103.939, 116.779, 123.68])
    expected = np.einsum("ijc,ijco->o", scaled, kernel) + bias
    folded_kernel, folded_bias = networks._for_gray(name, kernel, bias)
    actual = np.einsum("ij,ijo->o", gray, folded_kernel[:, :, 0]) + folded_bias
    np.testing.assert_allclose(actual, expected, rtol=1e-4)


def test_all_four_networks_of_the_comparison_are_there():
    assert set(BUILDERS) - {"efficientnet_lite0"} == {"ann", "cnn", "vgg16", "resnet50v2"}

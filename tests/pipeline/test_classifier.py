import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pipeline.classifier import Classifier
from pipeline.engines.names import EngineName
from pipeline.errors import ClassifierError, ReleaseError
from pipeline.framing.preprocessing import Preprocessing
from pipeline.release import Calibration, ModelRelease, load_release, write_release
from pipeline.values.screening import OperatingPoints
from training.networks.architecture import build_network

pytestmark = pytest.mark.tensorflow
SIZE_PX = 32


def write_weights(folder, arrays, architecture="resnet50v2"):
    """Write a release of these arrays, its description true to them."""
    folder.mkdir(exist_ok=True)
    save_file(arrays, folder / "weights.safetensors")
    release = ModelRelease(
        name="made-up",
        architecture=architecture,
        weights_sha256=hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest(),
        preprocessing=Preprocessing(size_px=SIZE_PX),
        calibration=Calibration(slope=0.5, offset=0.25),
        operating_points=OperatingPoints(0.3, 0.7),
        created="2026-01-01",
    )
    write_release(release, folder)
    return folder


@pytest.fixture(scope="module")
def arrays():
    network = build_network("resnet50v2", SIZE_PX)
    return {
        weight.path: np.asarray(weight).astype(np.float16 if len(weight.shape) > 1 else np.float32)
        for weight in network.weights
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory, arrays):
    return write_weights(tmp_path_factory.mktemp("release"), arrays)


@pytest.fixture(scope="module", params=[EngineName.TENSORFLOW, EngineName.OPENVINO])
def engine(request):
    pytest.importorskip(request.param.value)
    return request.param


@pytest.fixture(scope="module")
def classifier(folder, engine):
    return Classifier.load(folder, engine)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).random((5, SIZE_PX, SIZE_PX), dtype=np.float32)


def test_gives_one_calibrated_probability_an_image(classifier, pixels):
    probabilities = classifier.classify(pixels)
    assert probabilities.shape == (5,)
    assert probabilities.dtype == np.float64
    expected = 1 / (1 + np.exp(-(0.5 * classifier.logits(pixels) + 0.25)))
    np.testing.assert_allclose(probabilities, expected)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_padding_does_not_change_a_score(classifier, pixels, count):
    whole, part = classifier.classify(pixels), classifier.classify(pixels[:count])
    np.testing.assert_allclose(part, whole[:count], atol=1e-5)


def test_more_images_than_the_largest_batch_are_scored_in_parts(classifier, pixels):
    many = np.resize(pixels, (35, SIZE_PX, SIZE_PX))
    np.testing.assert_allclose(
        classifier.classify(many), np.resize(classifier.classify(pixels), 35), atol=1e-5
    )


def test_no_images_give_no_probabilities(classifier, pixels):
    assert classifier.classify(pixels[:0]).shape == (0,)


def test_warm_up_changes_no_score(classifier, pixels):
    before = classifier.classify(pixels)
    classifier.warm_up(5)
    np.testing.assert_array_equal(classifier.classify(pixels), before)


def test_engines_agree_on_weights_of_any_values(folder, pixels):
    pytest.importorskip("openvino")
    ours, theirs = (
        Classifier.load(folder, engine).logits(pixels) for engine in list(EngineName)[1:]
    )
    np.testing.assert_allclose(ours, theirs, atol=0.02)


def test_score_that_is_no_number_raises(tmp_path, arrays, pixels, engine):
    broken = arrays | {"logit/bias": np.array([np.nan], np.float32)}
    classifier = Classifier.load(write_weights(tmp_path, broken), engine)
    with pytest.raises(ClassifierError, match="not a finite number"):
        classifier.classify(pixels)


def test_changed_weights_are_refused(tmp_path, arrays):
    folder = write_weights(tmp_path, arrays)
    weights = load_file(folder / "weights.safetensors")
    weights["logit/bias"] = weights["logit/bias"] + 1
    save_file(weights, folder / "weights.safetensors")
    with pytest.raises(ReleaseError, match="sha256 differs"):
        Classifier.load(folder)


def test_another_preprocessing_version_is_refused(folder, tmp_path, arrays):
    copy = write_weights(tmp_path, arrays)
    description = json.loads((folder / "release.json").read_text())
    description["preprocessing"]["version"] += 1
    (copy / "release.json").write_text(json.dumps(description))
    with pytest.raises(ReleaseError, match="preprocessing"):
        Classifier.load(copy)


def test_weights_of_another_shape_are_refused(tmp_path, arrays):
    lacking = {name: array for name, array in arrays.items() if name != "logit/bias"}
    misshapen = arrays | {"post_bn/beta": np.zeros(7, np.float32)}
    surplus = arrays | {"another/kernel": np.zeros(1, np.float32)}
    for unfit in (lacking, misshapen, surplus):
        with pytest.raises(ReleaseError, match="does not fit"):
            Classifier.load(write_weights(tmp_path, unfit))


def test_unknown_architecture_is_refused(tmp_path, arrays):
    with pytest.raises(ReleaseError, match="cannot build"):
        Classifier.load(write_weights(tmp_path, arrays, architecture="alexnet"))


def test_description_survives_the_round_trip(folder):
    assert load_release(folder).calibration == Calibration(0.5, 0.25)


def test_importing_the_room_does_not_import_an_engine():
    program = (
        "import sys, pipeline.classifier, pipeline.release, pipeline.framing.preprocessing;"
        "sys.exit(bool({'tensorflow', 'keras', 'openvino'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

import shutil
from dataclasses import replace

import numpy as np
import pytest

from pipeline.classifier import Classifier
from pipeline.release import WEIGHTS_FILE, load_release, write_release
from tests.training.conftest import RECIPE, SIZE_PX
from training.data.sampling import Sampling
from training.errors import TrainingError
from training.evaluation.evaluate import evaluate
from training.fitting.run import load_averaged, network_logits
from training.fitting.trained_on import TrainedOn
from training.release.build import make_release, quantize

pytestmark = pytest.mark.tensorflow


def test_release_scores_as_the_run_did(run, release):
    pixels = np.random.default_rng(1).random((5, SIZE_PX, SIZE_PX), dtype=np.float32)
    logits = Classifier.load(release).logits(pixels)
    expected = network_logits(load_averaged(run), pixels)
    np.testing.assert_allclose(logits, expected, atol=0.02)  # float16 kernels


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({}, "there is a release"),
        ({"network": "cnn"}, "what is served is resnet50v2"),
        ({"sampling": Sampling({"rsna": 8})}, "never saw kermany"),
        ({"split_sha256": "another"}, "trained by another split"),
    ],
)
def test_run_that_cannot_be_released_leaves_nothing(tmp_path, cohort, changed, message):
    replace(RECIPE, **changed).write(tmp_path / "run")
    releases = tmp_path / "releases"
    (releases / "2026.1").mkdir(parents=True)
    with pytest.raises(TrainingError, match=message):
        make_release(tmp_path / "run", cohort.data, cohort.samples, "2026.1", releases)
    assert list(releases.rglob("*")) == [releases / "2026.1"]


@pytest.mark.parametrize("name", ["releases/2026.1", "/srv/2026.1", "..", ""])
def test_name_of_a_release_is_no_path(run, tmp_path, cohort, name):
    with pytest.raises(TrainingError, match="is a path"):
        make_release(run, cohort.data, cohort.samples, name, tmp_path / "releases")


def test_release_of_another_split_is_neither_measured_nor_quantized(tmp_path, release, cohort):
    shutil.copytree(release, tmp_path / "release")
    described = load_release(release)
    trained_on = TrainedOn.from_release(described)
    other = replace(trained_on, recipe=replace(trained_on.recipe, split_sha256="another"))
    write_release(replace(described, trained_on=other.as_json()), tmp_path / "release")
    with pytest.raises(TrainingError, match="another split"):
        evaluate(tmp_path / "release", [], cohort.data, cohort.samples, tmp_path / "report")
    with pytest.raises(TrainingError, match="another split"):
        quantize(tmp_path / "release", cohort.data, cohort.samples)


def test_interrupted_release_leaves_nothing(run, tmp_path, cohort, monkeypatch):
    monkeypatch.setattr("training.release.build.measure_sources", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make_release(run, cohort.data, cohort.samples, "2026.2", tmp_path / "releases")
    assert list((tmp_path / "releases").iterdir()) == []


def test_release_describes_itself(release):
    described = load_release(release)
    assert described.name == "2026.1"
    assert described.trained_on["images"]["kermany train NORMAL"] > 0
    assert 0 <= described.measured["kermany"]["at_one_half"]["auc"]["value"] <= 1
    card = (release / "MODEL_CARD.md").read_text()
    assert "2026.1" in card
    assert "CC BY 4.0" in card
    assert described.weights_sha256 in card


def test_release_has_the_activation_maxima_that_8_bits_need(tmp_path, release, cohort):
    described = load_release(release)
    assert len(described.activation_maxima) == 48
    shutil.copytree(release, tmp_path / "release")
    write_release(replace(described, activation_maxima=()), tmp_path / "release")
    assert quantize(tmp_path / "release", cohort.data, cohort.samples) == described
    for file in ("release.json", "weights.safetensors"):
        assert (tmp_path / "release" / file).read_bytes() == (release / file).read_bytes()


def test_release_weights_stay_small(release):
    assert (release / WEIGHTS_FILE).stat().st_size < 50_000_000

"""Every engine gives the results of Keras, in which the released network was trained."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.classifier import Classifier
from pipeline.engines import selection
from pipeline.engines.engine import InferenceEngine
from pipeline.engines.names import EngineName, Precision
from pipeline.engines.selection import build_engine
from pipeline.engines.weights import Weights
from pipeline.framing.preprocessing import prepare_model_input
from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER, WEIGHTS_FILE, load_release
from pipeline.triage import TriagePolicy
from pipeline.values.radiograph import Radiograph
from tests.development_data import DATA, skip_without
from training.data.cohort import DEFAULT_SPLIT_SEED, Part, read_cohort
from training.data.image_operations import read_pixels
from training.data.images import Radiographs, prepare_all
from training.data.split import split_by_group
from training.networks.architecture import build_network, load_weights

FOLDER = RELEASES_FOLDER / CURRENT_RELEASE
RELEASE = load_release(FOLDER)
# Probabilities may differ by so much: with the weights' own precision, and with less.
EXACT, REDUCED = 0.005, 0.02
REPORTED_AT = 0.5
ENGINES = [
    (EngineName.TENSORFLOW, Precision.FLOAT32, EXACT),
    (EngineName.TENSORFLOW, Precision.FLOAT16, REDUCED),
    (EngineName.OPENVINO, Precision.FLOAT32, EXACT),
    (EngineName.OPENVINO, Precision.BFLOAT16, REDUCED),
    (EngineName.OPENVINO, Precision.INT8, REDUCED),
]

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.data,
    pytest.mark.timeout(600),
    skip_without(),
]


class Scored(NamedTuple):
    """The grouped test set, then files of native size, as Keras scores them."""

    pixels: NDArray[np.float32]
    positive: NDArray[np.bool_]  # of the test set alone
    probability: NDArray[np.float64]


@cache
def scored_by_keras() -> Scored:
    split = split_by_group(read_cohort(DATA), DEFAULT_SPLIT_SEED)
    test = [sample for sample in split if sample.source == "kermany" and sample.part == Part.TEST]
    pixels, positive = prepare_all(Radiographs(DATA, test), RELEASE.preprocessing)
    assert len(pixels) > 400
    native = [prepare_native(file) for file in sorted((DATA / "kermany_native").rglob("*.jpeg"))]
    assert len(native) > 60
    pixels = np.concatenate([pixels, np.stack(native)])
    network = build_network(RELEASE.architecture, RELEASE.preprocessing.size_px)
    load_weights(network, FOLDER / WEIGHTS_FILE)
    logits = np.asarray(network.predict(pixels[..., None], batch_size=32, verbose=0))[:, 0]
    return Scored(pixels, positive, 1 / (1 + np.exp(-calibrate(logits))))


def prepare_native(file: Path) -> NDArray[np.float32]:
    return prepare_model_input(Radiograph(read_pixels(file)), RELEASE.preprocessing).pixels


def calibrate(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.asarray(logits, np.float64)
    return RELEASE.calibration.slope * values + RELEASE.calibration.offset


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> InferenceEngine:
    """Build an engine as the product does, on a machine whose own precision is the one asked for.

    One that the processor lacks is computed by other means, slowly.
    """
    name, native = request.param
    pytest.importorskip(name)
    load = selection._LOADERS[name]

    def load_as_on_that_machine(
        weights: Weights,
        size_px: int,
        precision: Precision | None,
        activation_maxima: Sequence[float],
    ) -> InferenceEngine:
        return load(weights, size_px, precision or native, activation_maxima)

    monkeypatch.setitem(selection._LOADERS, name, load_as_on_that_machine)
    return build_engine(RELEASE, FOLDER, name)


@pytest.mark.parametrize(
    ("engine", "name", "tolerance"),
    [((name, native), f"{name}-{native}", tolerance) for name, native, tolerance in ENGINES],
    indirect=["engine"],
    ids=[f"{name}-{native}" for name, native, _ in ENGINES],
)
def test_no_engine_changes_what_is_found(
    engine: InferenceEngine, name: str, tolerance: float
) -> None:
    keras = scored_by_keras()
    assert engine.name == name
    probability = Classifier(RELEASE, engine).classify(keras.pixels)
    assert np.abs(probability - keras.probability).max() < tolerance

    triage = TriagePolicy(RELEASE.operating_points)
    before, after = (
        [triage.judge(float(value)).band for value in values]
        for values in (keras.probability, probability)
    )
    assert after == before
    ill = keras.probability[: len(keras.positive)][keras.positive] >= REPORTED_AT
    assert ill.sum() > 300
    np.testing.assert_array_equal(
        probability[: len(keras.positive)][keras.positive] >= REPORTED_AT, ill
    )

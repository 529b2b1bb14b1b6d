from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.framing.preprocessing import Preprocessing
from training.errors import TrainingError
from training.fitting.recipe import Recipe
from training.fitting.run import Run, load_averaged
from training.fitting.weight_averaging import average_with_initial_weights
from training.release.build import export_weights

pytestmark = pytest.mark.tensorflow
RECIPE = Recipe(half_precision=False, preprocessing=Preprocessing(size_px=32))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose weights are the initial ones plus 1."""
    folder = tmp_path_factory.mktemp("runs")
    RECIPE.write(folder / "first")
    Run(RECIPE).save(folder / "first")
    export_weights(load_averaged(folder / "first"), folder / "weights.safetensors")
    recipe = replace(RECIPE, weights=str(folder / "weights.safetensors"))
    recipe.write(folder / "tuned")
    run = Run(recipe)
    run.average.values = [value + 1 for value in run.average.values]
    run.save(folder / "tuned")
    return folder / "tuned"


@pytest.mark.parametrize("kept", [0.25, 1.0])
def test_every_served_weight_lies_between_the_initial_and_the_tuned_one(
    tuned: Path, tmp_path: Path, kept: float
) -> None:
    average_with_initial_weights(tuned, tmp_path / "averaged", kept)
    learned, averaged = load_averaged(tuned).weights, load_averaged(tmp_path / "averaged").weights
    for after, weight in zip(learned, averaged, strict=True):
        np.testing.assert_allclose(np.asarray(weight), np.asarray(after) - kept, atol=1e-5)
    assert Recipe.read(tmp_path / "averaged").kept_share == kept


def test_a_run_without_a_checkpoint_is_refused(tuned: Path, tmp_path: Path) -> None:
    Recipe.read(tuned).write(tmp_path / "begun")
    with pytest.raises(TrainingError, match="no checkpoint yet"):
        average_with_initial_weights(tmp_path / "begun", tmp_path / "averaged", 0.5)


def test_a_run_from_random_weights_is_refused(tmp_path: Path) -> None:
    RECIPE.write(tmp_path / "first")
    with pytest.raises(TrainingError, match="no file of weights"):
        average_with_initial_weights(tmp_path / "first", tmp_path / "averaged", 0.5)

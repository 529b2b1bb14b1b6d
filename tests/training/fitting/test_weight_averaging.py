from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.framing.preprocessing import Preprocessing
from training.errors import TrainingError
from training.fitting.recipe import Recipe
from training.fitting.run import Run, load_averaged
from training.fitting.weight_averaging import blend
from training.release.build import export_weights

pytestmark = pytest.mark.tensorflow
RECIPE = Recipe(half_precision=False, preprocessing=Preprocessing(size_px=32))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose every weight lies 1 above those that it began from."""
    folder = tmp_path_factory.mktemp("runs")
    RECIPE.keep_in(folder / "first")
    Run(RECIPE).save(folder / "first")
    export_weights(load_averaged(folder / "first"), folder / "weights.safetensors")
    recipe = replace(RECIPE, weights=str(folder / "weights.safetensors"))
    recipe.keep_in(folder / "tuned")
    run = Run(recipe)
    run.average.values = [value + 1 for value in run.average.values]
    run.save(folder / "tuned")
    return folder / "tuned"


@pytest.mark.parametrize("kept", [0.25, 1.0])
def test_every_served_weight_lies_between_what_was_and_what_was_learned(
    tuned: Path, tmp_path: Path, kept: float
) -> None:
    blend(tuned, tmp_path / "blended", kept)
    learned, blended = load_averaged(tuned).weights, load_averaged(tmp_path / "blended").weights
    for after, weight in zip(learned, blended, strict=True):
        np.testing.assert_allclose(np.asarray(weight), np.asarray(after) - kept, atol=1e-5)
    assert Recipe.read(tmp_path / "blended").kept_share == kept


def test_a_run_that_was_never_saved_has_nothing_to_blend(tuned: Path, tmp_path: Path) -> None:
    Recipe.read(tuned).keep_in(tmp_path / "begun")
    with pytest.raises(TrainingError, match="no checkpoint yet"):
        blend(tmp_path / "begun", tmp_path / "blended", 0.5)


def test_a_run_from_random_weights_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    RECIPE.keep_in(tmp_path / "first")
    with pytest.raises(TrainingError, match="no file of weights"):
        blend(tmp_path / "first", tmp_path / "blended", 0.5)

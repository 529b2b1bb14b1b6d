import json
from dataclasses import replace

import pytest

from tests.training.fitting.conftest import TINY
from training.data.augmentation import Augmentation
from training.data.sampling import Sampling
from training.errors import TrainingError
from training.fitting.recipe import Recipe


def test_folder_of_another_recipe_is_refused(tmp_path):
    TINY.write(tmp_path)
    TINY.write(tmp_path)
    assert Recipe.read(tmp_path) == TINY
    # A recipe that was written before a field existed is the same as one with its default.
    file = tmp_path / "recipe.json"
    values = json.loads(file.read_text())
    del values["augmentation"]["blending"], values["seen"]
    file.write_text(json.dumps(values))
    TINY.write(tmp_path)
    with pytest.raises(TrainingError, match="another recipe"):
        Recipe(network="ann").write(tmp_path)


def test_run_shorter_than_its_warm_up_is_refused():
    with pytest.raises(TrainingError, match="180 steps are no more than the warm-up's 200"):
        Recipe(epochs=2, steps_per_epoch=90)


def test_file_keeps_the_names_that_it_had_before_fields_were_renamed(tmp_path):
    recipe = replace(TINY, sampling=Sampling({"kermany": 4}), augmentation=Augmentation(mixup=0.2))
    recipe.write(tmp_path)
    values = json.loads((tmp_path / "recipe.json").read_text())
    assert values["mixture"]["images"] == {"kermany": 4}
    assert values["augmentation"]["blending"] == 0.2
    assert Recipe.read(tmp_path) == recipe

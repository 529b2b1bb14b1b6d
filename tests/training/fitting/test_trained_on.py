from dataclasses import replace

import pytest

from pipeline.release import (
    CURRENT_RELEASE,
    DESCRIPTION_FILE,
    RELEASES_FOLDER,
    load_release,
    write_release,
)
from training.data.sampling import Sampling
from training.errors import TrainingError
from training.fitting.recipe import Recipe
from training.fitting.trained_on import ImageCount, TrainedOn

CURRENT = RELEASES_FOLDER / CURRENT_RELEASE


@pytest.fixture(scope="module")
def release():
    return load_release(CURRENT)


def test_current_release_says_what_it_was_trained_on(release):
    trained_on = TrainedOn.from_release(release)
    assert ImageCount("kermany", "train", "PNEUMONIA", 2739) in trained_on.images
    assert trained_on.recipe.sampling.images == {"kermany": 24, "nih": 2, "rsna": 6}
    assert trained_on.recipe.seen == ("kermany", "nih", "rsna")
    assert trained_on.began_from is None


def test_description_of_the_current_release_stays_byte_identical(release, tmp_path):
    write_release(release, tmp_path)
    assert (tmp_path / DESCRIPTION_FILE).read_bytes() == (CURRENT / DESCRIPTION_FILE).read_bytes()


def test_value_survives_the_description(release):
    trained_on = TrainedOn(
        images=(
            ImageCount("kermany", "train", "NORMAL", 3),
            ImageCount("rsna_unlabelled", "train", "unlabelled", 2),
        ),
        split="by patient",
        lung_masks=1,
        recipe=Recipe(
            sampling=Sampling({"kermany": 4, "rsna_unlabelled": 2}), teachers=("runs/teacher",)
        ),
        teachers=(Recipe(network="cnn", seen=("rsna",)),),
        began_from=Recipe(seed=2),
    )
    written = replace(release, trained_on=trained_on.as_json())
    assert TrainedOn.from_release(written) == trained_on


@pytest.mark.parametrize("trained_on", [{}, {"images": []}, {"images": {"kermany": 4}}])
def test_release_that_does_not_say_it_is_refused(release, trained_on):
    with pytest.raises(TrainingError, match="does not say what it was trained on"):
        TrainedOn.from_release(replace(release, trained_on=trained_on))

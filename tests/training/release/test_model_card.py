from dataclasses import replace

import pytest

from pipeline.release import load_release
from training.data.sampling import Sampling
from training.data.split import split_at_random
from training.fitting.trained_on import ImageCount, TrainedOn
from training.release.build import make_release
from training.release.model_card import describe_release

pytestmark = pytest.mark.tensorflow


def test_card_names_initial_weights_and_teachers(release):
    described = load_release(release)
    assert "from random weights, with an auxiliary lung map" in describe_release(described)
    trained_on = TrainedOn.from_release(described)
    recipe = replace(
        trained_on.recipe,
        weights="releases/2025/weights.safetensors",
        teachers=("runs/one", "runs/two"),
        teacher_share=0.25,
        kept_share=0.5,
    )
    unlabelled = ImageCount("rsna_unlabelled", "train", "unlabelled", 7)
    taught = replace(trained_on, recipe=recipe, images=(*trained_on.images, unlabelled))
    card = describe_release(replace(described, trained_on=taught.as_json()))
    for expected in (
        "on from `releases/2025/weights.safetensors`",
        "2 teacher(s), whose opinion is 25 % of each target",
        "50 % of every weight kept",
        "**rsna_unlabelled**: as rsna, without labels",
        "| rsna_unlabelled unlabelled | 7 | 0 | 0 |",
    ):
        assert expected in card


def test_card_of_one_hospital_mentions_no_other(release):
    described = load_release(release)
    trained_on = TrainedOn.from_release(described)
    recipe = replace(trained_on.recipe, sampling=Sampling({"kermany": 8}), seen=())
    home = tuple(count for count in trained_on.images if count.source == "kermany")
    alone = replace(trained_on, images=home, lung_masks=0, recipe=recipe)
    measured = {"kermany": described.measured["kermany"]}
    described = replace(described, trained_on=alone.as_json(), measured=measured)
    card = describe_release(described)
    assert "It has seen one hospital." in card
    for unexpected in (
        "adults were used",
        "rsna_",
        "V7 Labs",
        "lung map",
        "hospitals it was trained",
    ):
        assert unexpected not in card
    # A source that only its initial weights were trained on is attributed, and named as a limit.
    seen = replace(recipe, seen=("kermany", "nih"))
    continued = replace(alone, recipe=seen, began_from=recipe)
    card = describe_release(replace(described, trained_on=continued.as_json()))
    assert "NIH ChestX-ray14" in card
    assert "has seen other hospitals through" in card
    assert "Trained on from another run" in card


def test_card_of_a_split_by_image_warns_of_its_figures(run, tmp_path, cohort):
    at_random = split_at_random(cohort.samples, 1)
    made = make_release(run, cohort.data, at_random, "2026.2", tmp_path)
    assert "which flatters" in (tmp_path / made.name / "MODEL_CARD.md").read_text()

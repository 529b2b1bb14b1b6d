from dataclasses import replace

import pytest

from training.data.sampling import Mixture
from training.data.split import digest_split, split_by_group
from training.errors import TrainingError
from training.fitting.provenance import trace
from training.fitting.recipe import Recipe

PUPIL = Recipe(mixture=Mixture({"kermany": 6, "rsna_unlabelled": 2}), teachers=("placeholder",))


@pytest.fixture
def teacher(tmp_path, cohort):
    recipe = Recipe(mixture=Mixture({"nih": 2}), seen=("nih", "rsna"))
    replace(recipe, split_sha256=digest_split(cohort.samples)).keep_in(tmp_path / "teacher")
    return str(tmp_path / "teacher")


def test_pupil_has_seen_what_its_teacher_saw(cohort, teacher):
    traced = trace(replace(PUPIL, teachers=(teacher,)), cohort.samples)
    assert traced.seen == ("kermany", "nih", "rsna")
    assert traced.split_sha256 == digest_split(cohort.samples)


def test_teacher_of_another_split_is_refused(cohort, teacher):
    another = split_by_group(cohort.samples, 2)
    for learned in (
        {"teachers": (teacher,)},
        {"weights": teacher, "teachers": (), "mixture": Mixture()},
    ):
        with pytest.raises(TrainingError, match="another split"):
            trace(replace(PUPIL, **learned), another)


def test_ancestor_of_an_unknown_split_is_refused(tmp_path, cohort):
    Recipe().keep_in(tmp_path / "teacher")
    with pytest.raises(TrainingError, match="nothing tells by which split"):
        trace(replace(PUPIL, teachers=(str(tmp_path / "teacher"),)), cohort.samples)


def test_weights_that_stand_in_no_release_are_refused(tmp_path, cohort):
    (tmp_path / "weights.safetensors").write_bytes(b"")
    begun = Recipe(weights=str(tmp_path / "weights.safetensors"))
    with pytest.raises(TrainingError, match="nothing tells what it has seen"):
        trace(begun, cohort.samples)


@pytest.fixture
def release_weights(tmp_path, cohort, monkeypatch):
    """The file of weights of a release that saw two hospitals."""
    (tmp_path / "release.json").write_text("{}")
    (tmp_path / "weights.safetensors").write_bytes(b"")
    recipe = {
        "mixture": {"images": {"nih": 4, "rsna_unlabelled": 2}},
        "split_sha256": digest_split(cohort.samples),
    }
    release = type("Release", (), {"trained_on": {"recipe": recipe}})
    monkeypatch.setattr("training.fitting.provenance.load_release", lambda _: release)
    return str(tmp_path / "weights.safetensors")


def test_run_has_seen_what_the_release_that_it_begins_from_saw(cohort, release_weights):
    begun = Recipe(weights=release_weights, mixture=Mixture({"kermany": 4}))
    assert trace(begun, cohort.samples).seen == ("kermany", "nih", "rsna")


def test_release_of_another_split_is_not_begun_from(cohort, release_weights):
    with pytest.raises(TrainingError, match="another split"):
        trace(Recipe(weights=release_weights), split_by_group(cohort.samples, 2))

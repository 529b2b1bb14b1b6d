from dataclasses import replace

import pytest

from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER, load_release
from training.data.sampling import Sampling
from training.data.split import digest_split, split_by_group
from training.errors import TrainingError
from training.fitting.provenance import record_provenance
from training.fitting.recipe import Recipe
from training.fitting.trained_on import TrainedOn

STUDENT = Recipe(sampling=Sampling({"kermany": 6, "rsna_unlabelled": 2}), teachers=("placeholder",))


@pytest.fixture
def teacher(tmp_path, cohort):
    recipe = Recipe(sampling=Sampling({"nih": 2}), seen=("nih", "rsna"))
    replace(recipe, split_sha256=digest_split(cohort.samples)).write(tmp_path / "teacher")
    return str(tmp_path / "teacher")


def test_student_has_seen_the_sources_of_its_teacher(cohort, teacher):
    recorded = record_provenance(replace(STUDENT, teachers=(teacher,)), cohort.samples)
    assert recorded.seen == ("kermany", "nih", "rsna")
    assert recorded.split_sha256 == digest_split(cohort.samples)


def test_teacher_of_another_split_is_refused(cohort, teacher):
    another = split_by_group(cohort.samples, 2)
    for learned in (
        {"teachers": (teacher,)},
        {"weights": teacher, "teachers": (), "sampling": Sampling()},
    ):
        with pytest.raises(TrainingError, match="another split"):
            record_provenance(replace(STUDENT, **learned), another)


def test_teacher_of_an_unknown_split_is_refused(tmp_path, cohort):
    Recipe().write(tmp_path / "teacher")
    with pytest.raises(TrainingError, match="not recorded by which split"):
        record_provenance(replace(STUDENT, teachers=(str(tmp_path / "teacher"),)), cohort.samples)


def test_weights_in_no_release_folder_are_refused(tmp_path, cohort):
    (tmp_path / "weights.safetensors").write_bytes(b"")
    begun = Recipe(weights=str(tmp_path / "weights.safetensors"))
    with pytest.raises(TrainingError, match="what it was trained on is unknown"):
        record_provenance(begun, cohort.samples)


@pytest.fixture
def release_weights(tmp_path, cohort, monkeypatch):
    """The weights file of a release that was trained on two hospitals."""
    (tmp_path / "release.json").write_text("{}")
    (tmp_path / "weights.safetensors").write_bytes(b"")
    recipe = Recipe(
        sampling=Sampling({"nih": 4, "rsna_unlabelled": 2}),
        teachers=("gone",),
        split_sha256=digest_split(cohort.samples),
    )
    trained_on = TrainedOn(images=(), split="by patient", lung_masks=0, recipe=recipe)
    described = load_release(RELEASES_FOLDER / CURRENT_RELEASE)
    release = replace(described, trained_on=trained_on.as_json())
    monkeypatch.setattr("training.fitting.provenance.load_release", lambda _: release)
    return str(tmp_path / "weights.safetensors")


def test_run_has_seen_the_sources_of_the_release_that_it_starts_from(cohort, release_weights):
    begun = Recipe(weights=release_weights, sampling=Sampling({"kermany": 4}))
    assert record_provenance(begun, cohort.samples).seen == ("kermany", "nih", "rsna")


def test_release_of_another_split_gives_no_initial_weights(cohort, release_weights):
    with pytest.raises(TrainingError, match="another split"):
        record_provenance(Recipe(weights=release_weights), split_by_group(cohort.samples, 2))

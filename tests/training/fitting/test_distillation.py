from dataclasses import replace

import numpy as np
import pytest

from pipeline.framing.preprocessing import Preprocessing
from training.data.augmentation import Augmentation
from training.data.batches import NO_LABEL, Batch
from training.data.sampling import Balance, Mixture
from training.data.split import digest_split
from training.errors import TrainingError
from training.fitting.distillation import Teachers
from training.fitting.fit import fit
from training.fitting.provenance import trace
from training.fitting.recipe import Recipe
from training.fitting.run import Run, load_averaged, network_logits

pytestmark = pytest.mark.tensorflow
TINY = Recipe(
    network="cnn",
    epochs=1,
    steps_per_epoch=2,
    warm_up_steps=1,
    lung_weight=0,
    half_precision=False,
    preprocessing=Preprocessing(size_px=16),
    mixture=Mixture({"kermany": 4}),
)
IMAGES = {"kermany": 2, "rsna": 2, "rsna_unlabelled": 1}


@pytest.fixture
def make_teacher(tmp_path):
    def make(name, *sources, seed=1, split=""):
        mixture = Mixture(dict.fromkeys(sources, 2))
        recipe = replace(TINY, mixture=mixture, seed=seed, split_sha256=split)
        recipe.keep_in(tmp_path / name)
        Run(recipe).save(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def batch():
    pixels = np.random.default_rng(0).random((5, 16, 16, 1), np.float32)
    targets = np.array([[0], [1], [0], [1], [NO_LABEL]], np.float32)
    return Batch(pixels, targets, np.zeros((5, 4, 4, 1), np.float32), np.ones(5, np.float32))


def pupil(runs, share, images=IMAGES):
    teachers = tuple(str(run) for run in runs)
    return replace(TINY, mixture=Mixture(images), teachers=teachers, teacher_share=share)


def opinions(runs, pixels):
    logits = [network_logits(load_averaged(run), pixels[..., 0]) for run in runs]
    return np.mean([1 / (1 + np.exp(-each)) for each in logits], axis=0)


def test_a_teacher_has_its_share_in_a_label_and_speaks_alone_where_there_is_none(
    make_teacher, batch
):
    runs = [make_teacher("one", "kermany", "rsna"), make_teacher("two", "kermany", "rsna", seed=2)]
    taught = Teachers(pupil(runs, 0.25)).teach(batch).targets[:, 0]
    opinion = opinions(runs, batch.pixels)
    expected = 0.75 * batch.targets[:, 0] + 0.25 * opinion
    expected[4] = opinion[4]
    np.testing.assert_allclose(taught, expected, atol=1e-5)


def test_a_teacher_is_silent_on_a_source_that_it_never_saw(make_teacher, batch):
    runs = [make_teacher("home", "kermany"), make_teacher("away", "rsna")]
    taught = Teachers(pupil(runs, 1.0)).teach(batch).targets[:, 0]
    np.testing.assert_allclose(taught[:2], opinions(runs[:1], batch.pixels[:2]), atol=1e-5)
    np.testing.assert_allclose(taught[2:], opinions(runs[1:], batch.pixels[2:]), atol=1e-5)


def test_a_teacher_computes_in_what_its_pupil_computes_in(make_teacher, batch):
    teacher = make_teacher("one", "kermany", "rsna")
    recipe = replace(pupil([teacher], 1.0), half_precision=True)
    taught = Teachers(recipe).teach(batch).targets[:, 0]
    opinion = opinions([teacher], batch.pixels)
    np.testing.assert_allclose(taught, opinion, atol=0.01)
    assert not np.allclose(taught, opinion, atol=1e-7, rtol=0)  # bfloat16 has eight bits


def test_without_teachers_labels_stay_as_they_are(batch):
    labelled = batch._replace(targets=np.abs(batch.targets))
    taught = Teachers(pupil([], 0.5, {"kermany": 5})).teach(labelled)
    np.testing.assert_array_equal(taught.targets, labelled.targets)


def test_unlabelled_radiographs_need_a_teacher():
    with pytest.raises(TrainingError, match="only a teacher can tell of rsna_unlabelled"):
        Recipe(mixture=Mixture({"rsna_unlabelled": 4}))


def test_a_hospital_that_no_teacher_knows_is_never_taken_for_healthy(make_teacher):
    with pytest.raises(TrainingError, match="no teacher was trained on rsna"):
        Teachers(pupil([make_teacher("home", "kermany")], 0.5))


def test_a_teacher_is_not_asked_of_blended_radiographs():
    with pytest.raises(TrainingError, match="not of blended ones"):
        replace(pupil(["teacher"], 0.5), augmentation=Augmentation(blending=0.2))
    weighted = Mixture({"kermany": 4}, balance=Balance.WEIGHTS)
    with pytest.raises(TrainingError, match="balance by sampling"):
        replace(TINY, mixture=weighted, augmentation=Augmentation(blending=0.2))


def test_a_teacher_of_other_pixels_is_refused(make_teacher):
    recipe = pupil([make_teacher("home", "kermany", "rsna")], 0.5)
    with pytest.raises(TrainingError, match="another preprocessing"):
        Teachers(replace(recipe, preprocessing=Preprocessing(size_px=32)))


def test_a_source_that_is_not_there_is_named(tmp_path, cohort):
    recipe = replace(TINY, mixture=Mixture({"kermany": 2, "nih": 2}))
    with pytest.raises(TrainingError, match="no radiographs of nih to train on"):
        fit(recipe, cohort.data, cohort.samples, tmp_path / "pupil")


def test_a_pupil_learns_from_a_teacher_and_from_what_has_no_label(make_teacher, tmp_path, cohort):
    teacher = make_teacher("teacher", "kermany", "rsna", split=digest_split(cohort.samples))
    mixture = Mixture({"kermany": 4, "rsna_unlabelled": 2})
    recipe = replace(TINY, mixture=mixture, teachers=(str(teacher),))
    run = fit(recipe, cohort.data, cohort.samples, tmp_path / "pupil")
    assert np.isfinite(run.history[0]["loss"])
    assert set(run.history[0]) >= {"auc_kermany"}
    assert Recipe.read(tmp_path / "pupil") == trace(recipe, cohort.samples)

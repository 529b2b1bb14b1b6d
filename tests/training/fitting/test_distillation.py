from dataclasses import replace

import numpy as np
import pytest

from pipeline.framing.preprocessing import Preprocessing
from training.data.augmentation import Augmentation
from training.data.batches import NO_LABEL, Batch
from training.data.sampling import Balance, Sampling
from training.data.split import digest_split
from training.errors import TrainingError
from training.fitting.distillation import Teachers
from training.fitting.fit import fit
from training.fitting.provenance import record_provenance
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
    sampling=Sampling({"kermany": 4}),
)
IMAGES = {"kermany": 2, "rsna": 2, "rsna_unlabelled": 1}


@pytest.fixture
def make_teacher(tmp_path):
    def make(name, *sources, seed=1, split=""):
        sampling = Sampling(dict.fromkeys(sources, 2))
        recipe = replace(TINY, sampling=sampling, seed=seed, split_sha256=split)
        recipe.write(tmp_path / name)
        Run(recipe).save(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def batch():
    pixels = np.random.default_rng(0).random((5, 16, 16, 1), np.float32)
    targets = np.array([[0], [1], [0], [1], [NO_LABEL]], np.float32)
    return Batch(pixels, targets, np.zeros((5, 4, 4, 1), np.float32), np.ones(5, np.float32))


def student(runs, share, images=IMAGES):
    teachers = tuple(str(run) for run in runs)
    return replace(TINY, sampling=Sampling(images), teachers=teachers, teacher_share=share)


def mean_probability(runs, pixels):
    logits = [network_logits(load_averaged(run), pixels[..., 0]) for run in runs]
    return np.mean([1 / (1 + np.exp(-each)) for each in logits], axis=0)


def test_teachers_have_their_share_in_a_label_and_are_the_target_where_there_is_none(
    make_teacher, batch
):
    runs = [make_teacher("one", "kermany", "rsna"), make_teacher("two", "kermany", "rsna", seed=2)]
    targets = Teachers(student(runs, 0.25)).add_soft_targets(batch).targets[:, 0]
    probability = mean_probability(runs, batch.pixels)
    expected = 0.75 * batch.targets[:, 0] + 0.25 * probability
    expected[4] = probability[4]
    np.testing.assert_allclose(targets, expected, atol=1e-5)


def test_a_teacher_does_not_score_a_source_that_it_never_saw(make_teacher, batch):
    runs = [make_teacher("home", "kermany"), make_teacher("away", "rsna")]
    targets = Teachers(student(runs, 1.0)).add_soft_targets(batch).targets[:, 0]
    np.testing.assert_allclose(targets[:2], mean_probability(runs[:1], batch.pixels[:2]), atol=1e-5)
    np.testing.assert_allclose(targets[2:], mean_probability(runs[1:], batch.pixels[2:]), atol=1e-5)


def test_a_teacher_computes_in_the_precision_of_its_student(make_teacher, batch):
    teacher = make_teacher("one", "kermany", "rsna")
    recipe = replace(student([teacher], 1.0), half_precision=True)
    targets = Teachers(recipe).add_soft_targets(batch).targets[:, 0]
    probability = mean_probability([teacher], batch.pixels)
    np.testing.assert_allclose(targets, probability, atol=0.01)
    assert not np.allclose(targets, probability, atol=1e-7, rtol=0)  # bfloat16 has eight bits


def test_without_teachers_labels_stay_as_they_are(batch):
    labelled = batch._replace(targets=np.abs(batch.targets))
    targets = Teachers(student([], 0.5, {"kermany": 5})).add_soft_targets(labelled)
    np.testing.assert_array_equal(targets.targets, labelled.targets)


def test_unlabelled_radiographs_need_a_teacher():
    with pytest.raises(TrainingError, match="only a teacher can label rsna_unlabelled"):
        Recipe(sampling=Sampling({"rsna_unlabelled": 4}))


def test_unlabelled_radiographs_of_a_hospital_that_no_teacher_knows_are_refused(make_teacher):
    with pytest.raises(TrainingError, match="no teacher was trained on rsna"):
        Teachers(student([make_teacher("home", "kermany")], 0.5))


def test_teachers_and_mixup_exclude_each_other():
    with pytest.raises(TrainingError, match="not mixed pairs"):
        replace(student(["teacher"], 0.5), augmentation=Augmentation(mixup=0.2))
    weighted = Sampling({"kermany": 4}, balance=Balance.WEIGHTS)
    with pytest.raises(TrainingError, match="balance by sampling"):
        replace(TINY, sampling=weighted, augmentation=Augmentation(mixup=0.2))


def test_a_teacher_of_another_preprocessing_is_refused(make_teacher):
    recipe = student([make_teacher("home", "kermany", "rsna")], 0.5)
    with pytest.raises(TrainingError, match="another preprocessing"):
        Teachers(replace(recipe, preprocessing=Preprocessing(size_px=32)))


def test_a_source_without_radiographs_is_named(tmp_path, cohort):
    recipe = replace(TINY, sampling=Sampling({"kermany": 2, "nih": 2}))
    with pytest.raises(TrainingError, match="no radiographs of nih to train on"):
        fit(recipe, cohort.data, cohort.samples, tmp_path / "student")


def test_a_student_learns_from_unlabelled_radiographs_too(make_teacher, tmp_path, cohort):
    teacher = make_teacher("teacher", "kermany", "rsna", split=digest_split(cohort.samples))
    sampling = Sampling({"kermany": 4, "rsna_unlabelled": 2})
    recipe = replace(TINY, sampling=sampling, teachers=(str(teacher),))
    run = fit(recipe, cohort.data, cohort.samples, tmp_path / "student")
    assert np.isfinite(run.history[0]["loss"])
    assert set(run.history[0]) >= {"auc_kermany"}
    assert Recipe.read(tmp_path / "student") == record_provenance(recipe, cohort.samples)

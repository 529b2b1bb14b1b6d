from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from pipeline.framing.preprocessing import Preprocessing
from training.data.augmentation import Augmentation
from training.data.batches import (
    NO_LABEL,
    NO_MASK,
    BatchGenerator,
    BatchPlan,
    BatchPool,
    apply_mixup,
)
from training.data.cohort import read_unlabelled
from training.data.images import Radiographs
from training.data.sampling import Balance, Sampling
from training.errors import TrainingError

SAMPLING = Sampling({"kermany": 6, "rsna": 2}, {"kermany": 0.1})


def make_generator(radiographs, augmentation=Augmentation(), seed=3, sampling=SAMPLING):  # noqa: B008
    return BatchGenerator(
        radiographs, BatchPlan(Preprocessing(size_px=32), sampling, augmentation, seed)
    )


def test_batches_that_are_even_by_view_have_equal_classes_in_each_view(cohort, training_samples):
    # Nearly all ill are AP, as in RSNA: unbalanced, the view would predict the class.
    home = [sample for sample in training_samples if sample.source == "kermany"]
    ill = [sample for sample in home if sample.is_positive]
    healthy = [sample for sample in home if not sample.is_positive]
    views = ["PA", *["AP"] * (len(ill) - 1), "AP", *["PA"] * (len(healthy) - 1)]
    viewed = [replace(s, view=view) for s, view in zip(ill + healthy, views, strict=True)]
    generator = make_generator(
        Radiographs(cohort.data, viewed), sampling=Sampling({"kermany": 8}, by_view=True)
    )
    for step in range(3):
        chosen = [viewed[index] for index in generator.choose_images("kermany", 8, step)]
        counts = Counter((sample.is_positive, sample.view) for sample in chosen)
        assert set(counts.values()) == {2}
        assert len(counts) == 4


def test_unreadable_training_radiograph_is_named(cohort, training_samples):
    lost = [replace(sample, path="nowhere.jpeg") for sample in training_samples]
    plan = BatchPlan(Preprocessing(size_px=32), SAMPLING, Augmentation(), 1)
    pool = BatchPool(cohort.data, lost, plan, workers=1)
    try:
        with pytest.raises(TrainingError, match=r"nowhere.jpeg cannot be read"):
            pool.make_batch(0)
    finally:
        pool.close()


def test_mixed_images_have_mixed_targets(radiographs):
    sampling = Sampling({"kermany": 8}, {})
    plain = make_generator(radiographs, sampling=sampling).make_batch(3)
    mixed = make_generator(radiographs, Augmentation(mixup=0.5), sampling=sampling).make_batch(3)
    # Without label smoothing, the target of an ill image mixed with a healthy one is its share.
    shares = mixed.targets[:, 0]
    assert ((shares > 0) & (shares < 1)).any()
    for index in np.flatnonzero((shares > 0) & (shares < 1)):
        own = shares[index] if plain.targets[index, 0] else 1 - shares[index]
        assert own >= 0.5
        partners = [own * plain.pixels[index] + (1 - own) * other for other in plain.pixels]
        closest = min(np.abs(each - mixed.pixels[index]).max() for each in partners)
        assert closest < 1e-5


def test_mixed_image_has_a_lung_map_only_where_both_have_one(radiographs):
    batch = make_generator(radiographs).make_batch(3)
    batch.targets[0] = NO_LABEL
    batch.lung_maps[1] = NO_MASK
    mixed = apply_mixup(batch, 1.0, np.random.default_rng(2))
    np.testing.assert_array_equal(mixed.pixels[0], batch.pixels[0])
    assert mixed.targets[0] == NO_LABEL
    assert mixed.targets[1:].min() >= 0
    assert (mixed.lung_maps[1] == NO_MASK).all()
    assert ((mixed.lung_maps >= 0) | (mixed.lung_maps == NO_MASK)).all()


def test_batch_is_a_function_of_seed_and_step(radiographs):
    batches = [make_generator(radiographs).make_batch(5) for _ in range(2)]
    for first, second in zip(*batches, strict=True):
        np.testing.assert_array_equal(first, second)
    other = make_generator(radiographs).make_batch(6)
    assert not np.array_equal(batches[0].pixels, other.pixels)


def test_every_source_has_as_many_ill_as_healthy_in_every_batch(radiographs):
    targets = make_generator(radiographs).make_batch(0).targets.ravel()
    np.testing.assert_allclose(targets[:6], [0.05] * 3 + [0.95] * 3)  # smoothed
    np.testing.assert_allclose(targets[6:], [0, 1])


@pytest.mark.parametrize("balance", Balance)
def test_both_classes_weigh_the_same_by_sampling_or_by_weights(radiographs, balance):
    sampling = Sampling({"kermany": 6}, {}, balance)
    generator = make_generator(radiographs, sampling=sampling)
    # One pass over all images, whatever their classes' shares.
    batches = [
        generator.make_batch(step) for step in range(sum(generator.count_classes("kermany")))
    ]
    targets = np.concatenate([batch.targets.ravel() for batch in batches])
    weights = np.concatenate([batch.weights for batch in batches])
    healthy, ill = generator.count_classes("kermany")
    share = {Balance.NONE: ill / (healthy + ill)}.get(balance, 0.5)
    assert weights[targets > 0.5].sum() / weights.sum() == pytest.approx(share, abs=1e-3)
    if balance == Balance.WEIGHTS:
        assert (targets > 0.5).mean() == pytest.approx(ill / (healthy + ill))


def test_batch_has_the_shapes_the_network_takes(radiographs):
    batch = make_generator(radiographs).make_batch(0)
    assert batch.pixels.shape == (8, 32, 32, 1)
    assert batch.pixels.min() >= 0
    assert batch.pixels.max() <= 1
    assert batch.lung_maps.shape == (8, 32, 32, 1)


def test_lung_map_marks_images_without_a_mask(radiographs):
    maps = make_generator(radiographs).make_batch(0).lung_maps
    assert (maps[6:] == NO_MASK).all()
    assert (maps[:6].max(axis=(1, 2, 3)) > 0.9).any()


def test_every_image_occurs_once_before_any_is_repeated(radiographs):
    still = Augmentation(strength=0, background_share=0, flip_share=0)
    generator = make_generator(radiographs, still)
    normals = sum(not s.is_positive for s in radiographs.samples if s.source == "kermany")
    steps = normals // 3
    seen = {
        image.tobytes() for step in range(steps) for image in generator.make_batch(step).pixels[:3]
    }
    assert len(seen) == 3 * steps


def test_worker_processes_make_the_same_batches(cohort, training_samples, radiographs):
    plan = BatchPlan(Preprocessing(size_px=32), SAMPLING, Augmentation(), 3)
    pool = BatchPool(cohort.data, training_samples, plan, workers=1)
    try:
        batches = [pool.make_batch(step) for step in range(2)]
    finally:
        pool.close()
    for step, batch in enumerate(batches):
        np.testing.assert_array_equal(
            batch.pixels, make_generator(radiographs).make_batch(step).pixels
        )


def test_radiographs_without_a_label_have_no_target(cohort, training_samples):
    samples = [*training_samples, *read_unlabelled(cohort.data, ["rsna_unlabelled"], [])]
    sampling = Sampling({"kermany": 4, "rsna_unlabelled": 2})
    batch = make_generator(Radiographs(cohort.data, samples), sampling=sampling).make_batch(0)
    assert batch.targets[4:].tolist() == [[NO_LABEL]] * 2
    assert batch.targets[:4].min() >= 0

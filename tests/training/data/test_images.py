from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from pipeline.framing.preprocessing import Preprocessing
from training.data.augmentation import Augmentation
from training.data.batches import NO_LABEL, NO_MASK, Dealer, DealerPool, Dealing, blend_pairs
from training.data.cohort import Part, read_unlabelled
from training.data.images import Radiographs, prepare_all
from training.data.sampling import Balance, Mixture
from training.errors import TrainingError

MIXTURE = Mixture({"kermany": 6, "rsna": 2}, {"kermany": 0.1})


@pytest.fixture(scope="module")
def training_samples(cohort):
    return [sample for sample in cohort.samples if sample.part == Part.TRAIN]


@pytest.fixture(scope="module")
def radiographs(cohort, training_samples):
    return Radiographs(cohort.data, training_samples)


def deal_with(radiographs, augmentation=Augmentation(), seed=3, mixture=MIXTURE):  # noqa: B008
    return Dealer(radiographs, Dealing(Preprocessing(size_px=32), mixture, augmentation, seed))


def test_views_tell_nothing_of_the_class_where_batches_are_even_by_view(cohort, training_samples):
    # Nine of ten ill are AP, as in RSNA; without the balance the view would tell.
    home = [sample for sample in training_samples if sample.source == "kermany"]
    ill = [sample for sample in home if sample.is_positive]
    healthy = [sample for sample in home if not sample.is_positive]
    views = ["PA", *["AP"] * (len(ill) - 1), "AP", *["PA"] * (len(healthy) - 1)]
    viewed = [replace(s, view=view) for s, view in zip(ill + healthy, views, strict=True)]
    dealer = deal_with(
        Radiographs(cohort.data, viewed), mixture=Mixture({"kermany": 8}, by_view=True)
    )
    for step in range(3):
        dealt = [viewed[index] for index in dealer._pick("kermany", 8, step)]
        counts = Counter((sample.is_positive, sample.view) for sample in dealt)
        assert set(counts.values()) == {2}
        assert len(counts) == 4


def test_damaged_training_radiograph_is_told_by_name(cohort, training_samples):
    lost = [replace(sample, path="nowhere.jpeg") for sample in training_samples]
    dealing = Dealing(Preprocessing(size_px=32), MIXTURE, Augmentation(), 1)
    pool = DealerPool(cohort.data, lost, dealing, workers=1)
    try:
        with pytest.raises(TrainingError, match=r"nowhere.jpeg cannot be read"):
            pool.deal(0)
    finally:
        pool.close()


def test_blended_images_bear_blended_targets(radiographs):
    mixture = Mixture({"kermany": 8}, {})
    plain = deal_with(radiographs, mixture=mixture).deal(3)
    blended = deal_with(radiographs, Augmentation(blending=0.5), mixture=mixture).deal(3)
    # Pixels lie between those of a pair, and the target tells how far: with two classes of targets
    # the share can be read off each blend of an ill and a healthy image.
    shares = blended.targets[:, 0]
    assert ((shares > 0) & (shares < 1)).any()
    for index in np.flatnonzero((shares > 0) & (shares < 1)):
        own = shares[index] if plain.targets[index, 0] else 1 - shares[index]
        assert own >= 0.5
        partners = [own * plain.pixels[index] + (1 - own) * other for other in plain.pixels]
        closest = min(np.abs(each - blended.pixels[index]).max() for each in partners)
        assert closest < 1e-5


def test_blend_has_a_lung_map_only_where_both_have_one_and_no_label_is_blended(radiographs):
    batch = deal_with(radiographs).deal(3)
    batch.targets[0] = NO_LABEL
    batch.lung_maps[1] = NO_MASK
    blended = blend_pairs(batch, 1.0, np.random.default_rng(2))
    np.testing.assert_array_equal(blended.pixels[0], batch.pixels[0])
    assert blended.targets[0] == NO_LABEL
    assert blended.targets[1:].min() >= 0
    assert (blended.lung_maps[1] == NO_MASK).all()
    assert ((blended.lung_maps >= 0) | (blended.lung_maps == NO_MASK)).all()


def test_no_radiographs_are_refused(cohort):
    with pytest.raises(TrainingError, match="none of the radiographs"):
        Radiographs(cohort.data, [])


def test_batch_is_a_function_of_seed_and_step(radiographs):
    batches = [deal_with(radiographs).deal(5) for _ in range(2)]
    for first, second in zip(*batches, strict=True):
        np.testing.assert_array_equal(first, second)
    other = deal_with(radiographs).deal(6)
    assert not np.array_equal(batches[0].pixels, other.pixels)


def test_every_source_shows_both_classes_alike_in_every_batch(radiographs):
    targets = deal_with(radiographs).deal(0).targets.ravel()
    np.testing.assert_allclose(targets[:6], [0.05] * 3 + [0.95] * 3)  # smoothed
    np.testing.assert_allclose(targets[6:], [0, 1])


@pytest.mark.parametrize("balance", Balance)
def test_both_classes_count_alike_by_sampling_or_by_weights(radiographs, balance):
    mixture = Mixture({"kermany": 6}, {}, balance)
    dealer = deal_with(radiographs, mixture=mixture)
    # One pass over all images, whatever their classes' shares.
    batches = [dealer.deal(step) for step in range(sum(dealer.count("kermany")))]
    targets = np.concatenate([batch.targets.ravel() for batch in batches])
    weights = np.concatenate([batch.weights for batch in batches])
    healthy, ill = dealer.count("kermany")
    share = {Balance.NONE: ill / (healthy + ill)}.get(balance, 0.5)
    assert weights[targets > 0.5].sum() / weights.sum() == pytest.approx(share, abs=1e-3)
    if balance == Balance.WEIGHTS:
        assert (targets > 0.5).mean() == pytest.approx(ill / (healthy + ill))


def test_batch_has_the_shapes_the_network_takes(radiographs):
    batch = deal_with(radiographs).deal(0)
    assert batch.pixels.shape == (8, 32, 32, 1)
    assert batch.pixels.min() >= 0
    assert batch.pixels.max() <= 1
    assert batch.lung_maps.shape == (8, 32, 32, 1)


def test_lung_map_says_where_no_mask_is_known(radiographs):
    maps = deal_with(radiographs).deal(0).lung_maps
    assert (maps[6:] == NO_MASK).all()
    assert (maps[:6].max(axis=(1, 2, 3)) > 0.9).any()


def test_every_image_is_dealt_once_before_any_comes_again(radiographs):
    still = Augmentation(strength=0, background_share=0, flip_share=0)
    dealer = deal_with(radiographs, still)
    normals = sum(not s.is_positive for s in radiographs.samples if s.source == "kermany")
    steps = normals // 3
    seen = {image.tobytes() for step in range(steps) for image in dealer.deal(step).pixels[:3]}
    assert len(seen) == 3 * steps


def test_worker_processes_deal_what_the_dealer_deals(cohort, training_samples, radiographs):
    dealing = Dealing(Preprocessing(size_px=32), MIXTURE, Augmentation(), 3)
    pool = DealerPool(cohort.data, training_samples, dealing, workers=1)
    try:
        batches = [pool.deal(step) for step in range(2)]
    finally:
        pool.close()
    for step, batch in enumerate(batches):
        np.testing.assert_array_equal(batch.pixels, deal_with(radiographs).deal(step).pixels)


def test_prepared_images_are_those_of_the_serving_path(radiographs):
    pixels, positive = prepare_all(radiographs, Preprocessing(size_px=32))
    assert pixels.shape == (len(radiographs), 32, 32)
    assert positive.tolist() == [sample.is_positive for sample in radiographs.samples]


@pytest.mark.parametrize(
    ("sources", "images"),
    [
        (["kermany"], {"kermany": 32}),
        (["rsna", "nih"], {"rsna": 22, "nih": 10}),
        (["kermany", "rsna", "nih"], {"kermany": 20, "rsna": 8, "nih": 4}),
    ],
)
def test_mixture_of_fewer_sources_fills_the_batch_with_even_numbers(sources, images):
    assert Mixture.of(sources).images == images


def test_mixture_takes_numbers_of_images():
    images = {"kermany": 10, "rsna": 4, "rsna_unlabelled": 2}
    assert Mixture.of([f"{name}={number}" for name, number in images.items()]).images == images


@pytest.mark.parametrize(
    ("sources", "fault"),
    [
        (["elsewhere"], "no source"),
        (["elsewhere=4"], "no source"),
        (["kermany=4", "rsna"], "no source"),
        (["kermany=4", "rsna=3"], "even number"),
    ],
)
def test_mixture_that_cannot_be_dealt_is_refused(sources, fault):
    with pytest.raises(TrainingError, match=fault):
        Mixture.of(sources)


def test_radiographs_without_a_label_are_dealt_without_a_target(cohort, training_samples):
    samples = [*training_samples, *read_unlabelled(cohort.data, ["rsna_unlabelled"], [])]
    mixture = Mixture({"kermany": 4, "rsna_unlabelled": 2})
    batch = deal_with(Radiographs(cohort.data, samples), mixture=mixture).deal(0)
    assert batch.targets[4:].tolist() == [[NO_LABEL]] * 2
    assert batch.targets[:4].min() >= 0

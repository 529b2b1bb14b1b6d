import numpy as np
import pytest

from training.data.augmentation import CHANGES, Augmentation, augment, replace_background


@pytest.fixture
def radiograph():
    return np.random.default_rng(5).random((64, 56), dtype=np.float32)


@pytest.fixture
def lungs():
    mask = np.zeros((64, 56), np.float32)
    mask[10:50, 8:48] = 1
    return mask


@pytest.mark.parametrize("seed", range(30))
def test_range_and_shape_are_kept(radiograph, lungs, seed):
    random = np.random.default_rng(seed)
    pixels, mask = augment(radiograph, lungs, radiograph[::-1], Augmentation(), random)
    for image in (pixels, mask):
        assert image.shape == radiograph.shape
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image.max() <= 1


@pytest.mark.parametrize("change", [change for change, _ in CHANGES], ids=lambda c: c.__name__)
def test_every_change_is_a_function_of_its_seed_and_changes_something(radiograph, change):
    def changed(seed):
        return change(radiograph.copy(), 1.0, np.random.default_rng(seed))

    np.testing.assert_array_equal(changed(3), changed(3))
    assert any(not np.array_equal(changed(seed), radiograph) for seed in range(8))
    assert changed(3).dtype == np.float32


def test_the_same_seed_gives_the_same_image(radiograph, lungs):
    first, second = (
        augment(radiograph, lungs, radiograph, Augmentation(), np.random.default_rng(9))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_no_strength_changes_nothing(radiograph):
    still = Augmentation(strength=0, background_share=0, flip_share=0)
    pixels, mask = augment(radiograph, None, radiograph, still, np.random.default_rng(1))
    np.testing.assert_allclose(pixels, radiograph, atol=1e-6)
    assert mask is None


def test_the_mask_moves_with_the_picture(lungs):
    only_moved = Augmentation(strength=1, background_share=0, flip_share=1)
    for seed in range(20):
        random = np.random.default_rng(seed)
        pixels, mask = augment(lungs, lungs, lungs, only_moved, random)
        assert np.corrcoef(pixels.ravel(), mask.ravel())[0, 1] > 0.5


def test_replaced_background_leaves_the_lungs_alone(radiograph, lungs):
    for seed in range(8):
        changed = replace_background(
            radiograph, lungs, radiograph[::-1], np.random.default_rng(seed)
        )
        np.testing.assert_allclose(changed[lungs > 0], radiograph[lungs > 0], atol=0.02)
        assert np.abs(changed - radiograph)[lungs == 0].mean() > 0.02

import numpy as np
import pytest

from pipeline.framing.lung_field import load_lung_locator
from training.quality.lung_field import fit_locator, measure, set_margins, write_locator


@pytest.fixture(scope="module")
def pairs():
    """Give bright images with two dark discs, here and there, and masks of the discs."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:1:128j, 0:1:128j]
    made = []
    for _ in range(60):
        top, left, radius = random.uniform((0.4, 0.25, 0.16), (0.6, 0.35, 0.22))
        discs = np.minimum(np.hypot(y - top, x - left), np.hypot(y - top, x - left - 0.42))
        mask = (discs < radius).astype(np.float32)
        made.append(((0.8 - 0.6 * mask).astype(np.float32), mask))
    return made


def test_fit_finds_the_lungs_and_its_file_reads_back(pairs, tmp_path):
    locator = fit_locator(pairs[:40], np.random.default_rng(0))
    locator = set_margins(locator, pairs[40:50])
    write_locator(locator, tmp_path / "locator.npz")
    figures = measure(load_lung_locator(tmp_path / "locator.npz"), pairs[50:])
    assert figures["kept_99"] >= 0.8
    assert figures["removed"] > 0.3
    assert figures["unsure"] == 0


def test_the_same_seed_gives_the_same_locator(pairs):
    first, second = (fit_locator(pairs[:10], np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.encoder, second.encoder)

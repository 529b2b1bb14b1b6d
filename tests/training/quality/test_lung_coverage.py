from dataclasses import replace

import numpy as np
import pytest

from pipeline.quality.lung_coverage import load_lung_coverage
from training.quality.cut_lungs import Chest, cut, cut_lungs, make_example, make_variants
from training.quality.lung_coverage import (
    choose_limit,
    find_overhang,
    fit_coverage,
    measure_coverage,
    write_coverage,
)


def make_chest(top=0.3, left=0.2, source="kermany"):
    """Give a bright body with two dark rectangles for lungs, 0.4 high and 0.2 wide."""
    side = 224
    lungs = np.zeros((side, side), np.float32)
    rows = slice(round(top * side), round((top + 0.4) * side))
    for begin in (left, left + 0.4):
        lungs[rows, round(begin * side) : round((begin + 0.2) * side)] = 1
    pixels = 0.7 - 0.5 * lungs + np.random.default_rng(0).normal(0, 0.01, lungs.shape)
    return Chest(source, pixels.astype(np.float32), lungs)


@pytest.mark.parametrize("border", range(4))
@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_cuts_the_share_of_the_lungs_that_it_was_asked_for(border, share):
    chest = make_chest()
    inside = cut_lungs(chest, border, share)
    # What is left was stretched over the whole frame.
    left = inside.lungs.mean() * (1 - np.abs(shares_of(chest, border, share)).sum())
    assert left == pytest.approx((1 - share) * chest.lungs.mean(), abs=0.01)


def shares_of(chest, border, share):
    depth = 0.4  # of the lungs across any border: their rows, or the columns of one lung twice
    beyond = share * depth
    margin = chest.find_margins()[border]
    shares = np.zeros(4)
    shares[border] = margin + beyond
    return shares


def test_margins_are_what_lies_outside_the_lungs():
    np.testing.assert_allclose(make_chest().find_margins(), [0.3, 0.3, 0.2, 0.2], atol=0.01)


def test_the_overhang_counts_in_the_field_of_view():
    whole = make_example(make_chest(), np.zeros(4)).overhang
    np.testing.assert_allclose(whole, [-0.125, -0.125, -0.125, -0.125])  # far inside is far inside
    # 0.35 of the height go at the top, of which 0.05 were lung; what is left is the whole frame.
    overhang = make_example(make_chest(), np.array([0.35, 0.28, 0, 0])).overhang
    np.testing.assert_allclose(overhang[:2], [0.05 / 0.37, -0.02 / 0.37], atol=0.03)
    # A black border that was added is trimmed again, and does not count.
    bordered = make_example(make_chest(), np.array([0.35, -0.1, 0, 0])).overhang
    np.testing.assert_allclose(bordered[0], 0.05 / 0.65, atol=0.02)


def test_published_radiograph_counts_as_whole_even_where_lungs_touch_the_border():
    touching = make_chest(top=0.0)
    assert make_example(touching, np.zeros(4)).overhang[0] == pytest.approx(-0.03)


def test_cutting_nothing_changes_nothing():
    chest = make_chest()
    np.testing.assert_allclose(cut(chest, np.zeros(4)).pixels, chest.pixels, atol=1e-6)


def test_the_same_seed_gives_the_same_variants():
    first, second = (
        np.stack(
            [example.grid for example in make_variants(make_chest(), np.random.default_rng(3))]
        )
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_fit_recognises_cut_lungs_and_its_file_reads_back(tmp_path):
    random = np.random.default_rng(0)
    chests = [make_chest(*random.uniform((0.15, 0.1), (0.45, 0.3))) for _ in range(60)]
    examples = [example for chest in chests for example in make_variants(chest, random)]
    model = fit_coverage(examples, seed=0, epochs=60)
    others = [replace(chest, source="elsewhere") for chest in chests[:20]]
    model = choose_limit(model, chests[20:40] + others)
    write_coverage(model, tmp_path / "coverage.npz")
    loaded = load_lung_coverage(tmp_path / "coverage.npz")
    assert loaded.flagged_beyond == model.flagged_beyond
    whole = [find_overhang(loaded, chest) for chest in chests]
    sliced = [find_overhang(loaded, cut_lungs(chest, 2, 0.4)) for chest in chests]
    assert np.mean(np.array(sliced) > np.quantile(whole, 0.95)) > 0.8
    assert measure_coverage(loaded, chests[:2]).row_count == 6

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release import Calibration
from training.evaluation.calibration import (
    HOME,
    apply_calibration,
    choose_operating_points,
    fit_calibration,
)
from training.metrics import calibration_error


def draw(calibration, count=4000, seed=1):
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, count)
    return logits, random.random(count) < apply_calibration(calibration, logits)


def test_fit_finds_the_scaling_that_made_the_labels():
    logits, positive = draw(Calibration(0.6, -0.5))
    fitted = fit_calibration(logits, positive, [HOME] * len(logits))
    assert fitted.slope == pytest.approx(0.6, abs=0.05)
    assert fitted.offset == pytest.approx(-0.5, abs=0.1)
    assert calibration_error(positive, apply_calibration(fitted, logits)) < 0.02


def test_fit_ends_at_the_maximum_whatever_the_weights():
    logits, positive = draw(Calibration(1.4, 2.6), 1000)
    sources = [HOME] * 500 + ["rsna"] * 500
    for weight in (0.1, 0.3):
        fitted = fit_calibration(logits, positive, sources, weight)
        assert fitted.slope == pytest.approx(1.4, abs=0.25)
        assert fitted.offset == pytest.approx(2.6, abs=0.5)


def test_separable_classes_get_a_finite_slope():
    logits = np.array([-3.0, -2, -1, 1, 2, 3])
    fitted = fit_calibration(logits, logits > 0, [HOME] * 6)
    assert 0 < fitted.slope < 20


def test_home_population_outweighs_all_others_together():
    home, elsewhere = draw(Calibration(1.0, 0.0), 500), draw(Calibration(0.1, 0.0), 5000, 2)
    logits, positive = (np.concatenate(pair) for pair in zip(home, elsewhere, strict=True))
    sources = [HOME] * 500 + ["rsna"] * 5000
    assert fit_calibration(logits, positive, sources).slope > 0.7
    assert fit_calibration(logits, positive, sources, elsewhere_weight=10).slope < 0.3


def test_apply_survives_logits_that_would_overflow():
    assert apply_calibration(Calibration(1, 0), np.array([-1e6, 0, 1e6])).tolist() == [0, 0.5, 1]


thousandths = st.integers(1, 999).map(lambda number: number / 1000)
scores = st.lists(st.tuples(st.booleans(), thousandths), min_size=2).filter(
    lambda pairs: len({ill for ill, _ in pairs}) == 2
)


@given(scores)
def test_operating_points_keep_their_promise_on_the_images_they_were_chosen_on(pairs):
    positive, probability = (np.array(column) for column in zip(*pairs, strict=True))
    points = choose_operating_points(probability, positive)
    assert 0 <= points.high_sensitivity <= points.high_specificity <= 1
    assert np.mean(probability[positive] >= points.high_sensitivity) >= 0.99
    assert np.mean(probability[~positive] < points.high_specificity) >= 0.99


def test_one_ill_image_in_a_hundred_may_be_missed():
    probability = np.array([0.01, *[0.9] * 99, *[0.1] * 50])
    positive = np.arange(150) < 100
    points = choose_operating_points(probability, positive)
    assert 0.1 < points.high_sensitivity < 0.9

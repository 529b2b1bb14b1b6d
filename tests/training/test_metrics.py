import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from training.metrics import (
    Confusion,
    area_under_curve,
    calibration_error,
    count_confusion,
    measure,
    measure_with_intervals,
)


def test_the_reference_study_gets_its_published_figures():
    # Its best network, on its random split: 419 of 428 ill found, 12 of 159 healthy called ill.
    positive = np.repeat([True, True, False, False], [419, 9, 12, 147])
    called = np.repeat([True, False, True, False], [419, 9, 12, 147])
    figures = measure(positive, called.astype(np.float64), 0.5)
    assert figures["accuracy"] == count_confusion(positive, called).accuracy
    assert figures["accuracy"] == pytest.approx(0.9642, abs=1e-4)
    assert figures["recall"] == pytest.approx(0.9790, abs=1e-4)
    assert figures["specificity"] == pytest.approx(147 / 159)
    assert figures["f1_pneumonia"] == pytest.approx(2 * 419 / (2 * 419 + 9 + 12))
    assert figures["f1_normal"] == pytest.approx(2 * 147 / (2 * 147 + 9 + 12))


def test_confuse_counts_each_of_the_four_kinds():
    positive = np.array([True, True, True, False, False, False, False])
    called = np.array([True, True, False, True, False, False, False])
    assert count_confusion(positive, called) == Confusion(2, 1, 1, 3)


def test_calibration_error_is_none_where_shares_match_and_large_where_they_do_not():
    positive = np.arange(100) < 75
    assert calibration_error(positive, np.full(100, 0.75)) == pytest.approx(0)
    assert calibration_error(positive, np.full(100, 0.25)) == pytest.approx(0.5)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1))
def test_calibration_error_lies_between_none_and_one(pairs):
    positive, probability = (np.array(column) for column in zip(*pairs, strict=True))
    assert 0 <= calibration_error(positive, probability.astype(float)) <= 1


def test_perfect_scores_measure_perfectly():
    positive = np.array([True] * 5 + [False] * 5)
    figures = measure(positive, positive.astype(float), 0.5)
    assert figures.pop("calibration_error") == 0
    assert set(figures.values()) == {1.0}


def make_scores(patients, images_each):
    random = np.random.default_rng(2)
    ill = np.repeat(random.random(patients) < 0.5, images_each)
    noise = np.repeat(random.normal(0, 0.3, patients), images_each)
    groups = [str(i // images_each) for i in range(len(ill))]
    return ill, np.clip(0.25 + 0.5 * ill + noise, 0, 1), groups


def test_interval_holds_the_figure_and_repeats_with_the_seed():
    scores = make_scores(60, 1)
    first = measure_with_intervals(*scores)
    assert first == measure_with_intervals(*scores)
    for figure in first.values():
        assert figure.low <= figure.value <= figure.high
    assert first["auc"].low < first["auc"].high


def test_more_images_of_the_same_patients_do_not_narrow_the_interval():
    once, often = (
        measure_with_intervals(*make_scores(60, images))["accuracy"] for images in (1, 8)
    )
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.1)


labelled = st.lists(st.tuples(st.booleans(), st.integers(0, 10)), min_size=2, max_size=60).filter(
    lambda pairs: len({ill for ill, _ in pairs}) == 2
)


@given(labelled)
def test_figures_agree_with_scikit_learn_ties_included(pairs):
    positive, tenths = (np.array(column) for column in zip(*pairs, strict=True))
    scores = tenths / 10
    figures = measure(positive, scores, 0.5)
    assert figures["auc"] == pytest.approx(roc_auc_score(positive, scores))
    assert area_under_curve(positive, scores) == pytest.approx(figures["auc"])
    assert figures["average_precision"] == pytest.approx(average_precision_score(positive, scores))
    if (scores >= 0.5).any():
        assert figures["f1_pneumonia"] == pytest.approx(f1_score(positive, scores >= 0.5))
    assert figures["calibration_error"] == pytest.approx(calibration_error(positive, scores))


def test_figures_without_an_ill_image_are_undefined_not_wrong():
    figures = measure(np.zeros(4, bool), np.full(4, 0.2), 0.5)
    assert np.isnan(figures["recall"])
    assert np.isnan(figures["auc"])
    assert figures["specificity"] == 1

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pipeline.codes import Flag
from pipeline.framing.lung_field import load_lung_locator
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.values.radiograph import Radiograph


def prepare(levels, **parameters):
    radiograph = Radiograph(np.asarray(levels, dtype=np.float32))
    return prepare_model_input(radiograph, Preprocessing(**parameters))


@pytest.mark.parametrize("size_px", [64, 128, 224])
def test_gives_the_size_that_the_release_asks_for(levels, size_px):
    pixels = prepare(levels, size_px=size_px).pixels
    assert pixels.shape == (size_px, size_px)
    assert pixels.dtype == np.float32


@settings(max_examples=50)
@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=40),
        elements=st.floats(0, 1, width=32),
    )
)
def test_stays_in_range_whatever_the_image(levels):
    pixels = prepare(levels).pixels
    assert np.isfinite(pixels).all()
    assert pixels.min() >= 0
    assert pixels.max() <= 1


@given(st.floats(0.3, 1.0), st.floats(0.0, 0.3))
def test_exposure_does_not_matter(contrast, brightness):
    y, x = np.mgrid[0:1:60j, 0:1:70j]
    levels = 0.4 + 0.3 * np.sin(5 * x) * np.cos(3 * y) ** 2
    changed = prepare(np.clip(brightness + 0.65 * contrast * levels + 0.05, 0, 1)).pixels
    np.testing.assert_allclose(changed, prepare(levels).pixels, atol=1e-3)


def test_the_same_radiograph_gives_the_same_bits(levels):
    np.testing.assert_array_equal(prepare(levels).pixels, prepare(levels.copy()).pixels)


def test_a_radiograph_and_its_larger_copy_look_the_same(levels):
    large = np.kron(levels, np.ones((6, 6)))
    assert np.abs(prepare(large).pixels - prepare(levels).pixels).mean() < 0.01


def test_a_lead_letter_does_not_set_the_contrast(levels):
    marked = levels * 0.6
    marked[5:12, 5:12] = 1
    unmarked = prepare(levels * 0.6).pixels
    assert np.abs(prepare(marked).pixels - unmarked)[20:].mean() < 0.02


def test_what_decoding_found_out_is_passed_on(levels):
    flagged = Radiograph(levels.astype(np.float32), flags=frozenset({Flag.WINDOW_FALLBACK}))
    assert prepare_model_input(flagged, Preprocessing()).flags == {Flag.WINDOW_FALLBACK}


def test_a_release_may_ask_for_the_lungs_alone(levels):
    bordered = np.pad(levels, 30, mode="edge")
    whole, lungs = prepare(bordered), prepare(bordered, crop_to_lungs=True)
    assert lungs.field_of_view.method == "lung_field"
    box = lungs.field_of_view
    assert (box.bottom_px - box.top_px) * (box.right_px - box.left_px) < 0.9 * bordered.size
    assert lungs.pixels.shape == whole.pixels.shape
    assert Flag.FULL_FRAME not in lungs.flags


def test_where_no_lungs_are_found_the_whole_is_kept_and_flagged(levels, monkeypatch):
    blind = replace(load_lung_locator(), mean_lungs=np.full(1024, -9, np.float32))
    monkeypatch.setattr("pipeline.framing.lung_field.load_lung_locator", lambda: blind)
    whole, lungs = prepare(levels), prepare(levels, crop_to_lungs=True)
    np.testing.assert_array_equal(lungs.pixels, whole.pixels)
    assert lungs.flags == whole.flags | {Flag.FULL_FRAME}

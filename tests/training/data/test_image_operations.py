import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from training.data import image_operations as operations
from training.data.image_operations import AffineTransform


@pytest.fixture
def pixels():
    return np.random.default_rng(1).random((40, 48), dtype=np.float32)


def test_default_placement_changes_nothing(pixels):
    np.testing.assert_allclose(
        operations.apply_affine(pixels, AffineTransform()), pixels, atol=1e-6
    )


def test_mirroring_twice_gives_the_picture_back(pixels):
    mirrored = operations.apply_affine(pixels, AffineTransform(mirrored=True))
    np.testing.assert_allclose(mirrored, pixels[:, ::-1], atol=1e-6)


def test_shift_moves_right_and_down_and_pads(pixels):
    moved = operations.apply_affine(pixels, AffineTransform(right=0.25, down=0.5), padding=0.5)
    np.testing.assert_allclose(moved[20:, 12:], pixels[:20, :36], atol=1e-6)
    assert (moved[:20] == 0.5).all()


def test_positive_angle_turns_counter_clockwise():
    pixels = np.zeros((41, 41), np.float32)
    pixels[20, 35] = 1  # to the right of the centre
    turned = operations.apply_affine(pixels, AffineTransform(angle_deg=90))
    assert np.unravel_index(turned.argmax(), turned.shape)[0] < 10


def test_zoom_above_one_magnifies():
    pixels = np.zeros((40, 40), np.float32)
    pixels[15:25, 15:25] = 1
    assert operations.apply_affine(pixels, AffineTransform(zoom=1.5)).sum() > pixels.sum() * 2


@given(st.floats(0.3, 3), st.floats(0.3, 3))
def test_gamma_keeps_range_and_order(low, high):
    grays = np.linspace(0, 1, 64, dtype=np.float32)
    bent = operations.adjust_gamma(operations.adjust_gamma(grays, low), high)
    assert bent[0] == 0
    assert bent[-1] == 1
    assert (np.diff(bent) >= 0).all()


def test_stretch_pushes_grays_away_from_the_mean(pixels):
    assert (
        operations.adjust_contrast(pixels, 2).std()
        > pixels.std()
        > operations.adjust_contrast(pixels, 0.5).std()
    )


def test_jpeg_loses_more_at_lower_quality(pixels):
    losses = [
        np.abs(operations.compress_as_jpeg(pixels, quality) - pixels).mean() for quality in (20, 95)
    ]
    assert losses[0] > losses[1] > 0


def test_resize_gives_rows_then_columns(pixels):
    assert operations.resize(pixels, 10, 30, Image.Resampling.BILINEAR).shape == (10, 30)


def test_text_leaves_ink_where_it_was_written(pixels):
    ink = operations.draw_text(pixels, "R", 5, 20, 16)
    assert ink[5:25, 20:36].sum() > 10
    assert ink[:, :18].sum() == 0


def test_widened_mask_covers_the_mask():
    mask = np.zeros((112, 112), np.float32)
    mask[40:60, 40:60] = 1
    wide = operations.dilate_mask(mask, 2)
    assert wide[mask > 0].min() > 0.9
    assert wide.sum() > mask.sum() * 1.3

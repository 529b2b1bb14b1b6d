import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pipeline.grayscale.stored_pixels
from pipeline.grayscale.stored_pixels import StoredPixels, extract_pixels, reduction_factor, shrink


@pytest.mark.parametrize(
    ("raw", "bits_stored", "high_bit", "is_signed", "value"),
    [
        (0x0FFF, 12, 11, False, 4095),
        (0x0FFF, 12, 11, True, -1),
        (0xF7FF, 12, 11, True, 2047),  # bits above the high bit are not the image's
        (0xFFF0, 12, 15, False, 4095),
        (0x8000, 12, 15, True, -2048),
        (0x00FF, 8, 7, True, -1),
        (0x7FFF, 15, 14, False, 32767),
    ],
)
def test_takes_values_out_of_bit_patterns(raw, bits_stored, high_bit, is_signed, value):
    patterns = np.array([[raw]], np.uint16)
    pixels = extract_pixels(patterns, bits_stored, high_bit, is_signed=is_signed)
    assert pixels.values_of(pixels.codes).tolist() == [[value]]
    assert patterns[0, 0] == raw


def test_reads_either_byte_order():
    pixels = extract_pixels(np.array([[1, 258]], ">u2"), 12, 11, is_signed=False)
    assert pixels.codes.tolist() == [[1, 258]]
    assert pixels.codes.dtype.isnative


@given(st.integers(1, 16), st.booleans(), st.integers(0, 65535), st.integers(0, 65535))
def test_codes_rise_with_values(bits_stored, is_signed, first, second):
    patterns = np.array([[first, second]], np.uint16)
    pixels = extract_pixels(patterns, bits_stored, bits_stored - 1, is_signed=is_signed)
    assert int(pixels.codes.max()) < 1 << bits_stored
    values = pixels.values_of(pixels.codes)[0]
    assert (values[0] < values[1]) == (pixels.codes[0, 0] < pixels.codes[0, 1])


def test_shrinks_by_averaging_blocks(monkeypatch):
    monkeypatch.setattr(pipeline.grayscale.stored_pixels, "SUFFICIENT_SIDE_PX", 2)
    codes = np.array([[0, 2, 10, 10, 9], [4, 6, 10, 11, 9], [1, 1, 0, 0, 9], [1, 1, 0, 4095, 9]])
    shrunk = shrink(StoredPixels(codes.astype(np.uint16), 0, 12))
    assert shrunk.codes.tolist() == [[3, 10], [1, 1024]]


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_keeps_enough_pixels(rows, columns):
    factor = reduction_factor(rows, columns)
    assert (
        factor == 1
        or min(rows, columns) // factor >= pipeline.grayscale.stored_pixels.SUFFICIENT_SIDE_PX
    )


def test_a_constant_image_stays_constant_at_full_depth():
    codes = np.full((1600, 1700), 65535, np.uint16)
    shrunk = shrink(StoredPixels(codes, 0, 16))
    assert shrunk.codes.shape == (800, 850)
    assert (shrunk.codes == 65535).all()

"""Hand-computed gray levels, from the formulas and examples of PS3.3 C.7.5, C.11 and PS3.5 8."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codes import Flag
from pipeline.grayscale.attributes import GrayscaleAttributes, LookupTable, Window
from pipeline.grayscale.rendering import render
from pipeline.grayscale.stored_pixels import extract_pixels


def stored(values, bits_stored=12, high_bit=None, *, is_signed=False, dtype=np.uint16):
    raw = np.array(values, dtype=dtype)
    return extract_pixels(raw, bits_stored, high_bit or bits_stored - 1, is_signed=is_signed)


def ramp(bits=12):
    return stored(np.linspace(0, (1 << bits) - 1, 4096).astype(np.uint16).reshape(64, 64), bits)


def rendered(pixels, **attributes):
    levels, flags = render(pixels, GrayscaleAttributes(**attributes))
    assert levels.dtype == np.float32
    assert levels.min() >= 0
    assert levels.max() <= 1
    return levels, flags


def test_linear_window_follows_the_standards_formula():
    # PS3.3 C.11.2.1.2.1 note 2: center 2048, width 4096 is the identity over 12 bits.
    window = Window(2048, 4096)
    assert window.apply(np.array([0.0, 4095.0])).tolist() == [0.0, 1.0]
    # Center 2048, width 1: a threshold at 2048 (below: black, from 2048: white).
    step = Window(2048, 1)
    assert step.apply(np.array([2047.0, 2048.0])).tolist() == [0.0, 1.0]


def test_linear_exact_and_sigmoid_are_half_at_the_center():
    for function in ("LINEAR_EXACT", "SIGMOID"):
        assert Window(100, 50, function).apply(np.array([100.0])) == pytest.approx([0.5])
    assert Window(100, 50, "SIGMOID").apply(np.array([112.5])) == pytest.approx(
        [1 / (1 + np.e**-1)]
    )
    assert Window(100, 50, "LINEAR_EXACT").apply(np.array([75.0, 125.0])).tolist() == [0.0, 1.0]


def test_inverts_once():
    plain, _ = rendered(ramp(), window=Window(2048, 4096))
    inverted, _ = rendered(ramp(), window=Window(2048, 4096), is_inverted=True)
    assert plain[0, 0] == 0
    assert inverted[0, 0] == 1
    np.testing.assert_allclose(plain + inverted, 1, atol=1e-6)


def test_rescales_before_the_window():
    levels, _ = rendered(
        stored([[0, 1000, 2000]]), slope=2, intercept=-1000, window=Window(1000, 4001)
    )
    np.testing.assert_allclose(levels, [[0, 0.5, 1]], atol=3e-4)


def test_maps_through_a_modality_lut_and_holds_its_ends():
    lut = LookupTable(first_mapped=10, entries=np.array([0.0, 100.0, 50.0]), bits=8)
    assert lut.apply(np.array([-5.0, 10.0, 11.0, 12.0, 99.0])).tolist() == [0, 0, 100, 50, 50]


def test_maps_signed_values_through_a_lut():
    lut = LookupTable(first_mapped=-2, entries=np.array([0.0, 1.0, 2.0, 3.0]), bits=2)
    levels, flags = rendered(stored([[0xFFE, 0xFFF, 0x000, 0x001]], is_signed=True), voi_lut=lut)
    np.testing.assert_allclose(levels, [[0, 1 / 3, 2 / 3, 1]], atol=1e-6)
    assert flags == set()


def test_prefers_the_voi_lut_to_the_window():
    entries = np.linspace(255, 0, 4096)
    levels, _ = rendered(ramp(), voi_lut=LookupTable(0, entries, 8), window=Window(2048, 4096))
    assert levels[0, 0] == 1


def test_scales_a_voi_lut_whose_bits_are_wrong():
    lut = LookupTable(0, np.linspace(0, 4095, 4096), bits=16)
    levels, _ = rendered(ramp(), voi_lut=lut)
    assert levels.max() == 1


@pytest.mark.parametrize(
    "window",
    [None, Window(0, 0), Window(1e9, 10), Window(float("nan"), 5), Window(2000, -100)],
)
def test_falls_back_to_the_image_where_the_window_is_absent_or_absurd(window):
    levels, flags = rendered(ramp(), window=window)
    assert flags == {Flag.WINDOW_FALLBACK}
    assert 0.4 < levels.mean() < 0.6
    assert levels.std() > 0.2


def test_shows_eight_bits_without_a_window_as_they_are():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    levels, flags = rendered(extract_pixels(values, 8, 7, is_signed=False))
    np.testing.assert_allclose(levels * 255, values, atol=1e-4)
    assert flags == set()


def test_a_dark_eight_bit_image_stays_dark():
    levels, _ = rendered(extract_pixels(np.full((8, 8), 20, np.uint8), 8, 7, is_signed=False))
    np.testing.assert_allclose(levels, 20 / 255, atol=1e-6)


def test_padding_is_black_and_does_not_set_the_window():
    values = ramp().codes.astype(np.uint16)
    values[:32] = 0xFFFF
    pixels = extract_pixels(values, 16, 15, is_signed=True)
    levels, flags = rendered(pixels, padding=(-1, -1), is_inverted=True)
    assert (levels[:32] == 0).all()
    assert levels[32:].std() > 0.2
    assert flags == {Flag.WINDOW_FALLBACK}


def test_padding_may_be_a_range():
    levels, _ = rendered(
        stored([[0, 5, 10, 2000, 4095]]),
        padding=(0, 10),
        window=Window(2048, 4096),
        is_inverted=True,
    )
    assert levels[0, :3].tolist() == [0, 0, 0]
    assert levels[0, 3] > 0.4


def test_renders_32_bit_pixels_without_a_table():
    values = np.linspace(0, 2**20 - 1, 4096).astype(np.uint32).reshape(64, 64)
    levels, _ = rendered(
        extract_pixels(values, 20, 19, is_signed=False), window=Window(2**19, 2**20)
    )
    np.testing.assert_allclose(levels.ravel(), np.linspace(0, 1, 4096), atol=1e-3)


@given(
    st.floats(-5000, 5000),
    st.floats(1, 10000),
    st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_windows_are_monotone_and_bounded(center, width, function):
    levels = Window(center, width, function).apply(np.linspace(-6000, 6000, 501))
    assert (np.diff(levels) >= 0).all()
    assert levels.min() >= 0
    assert levels.max() <= 1


@given(st.integers(-100, 100), st.lists(st.integers(0, 65535), min_size=2, max_size=50).map(sorted))
def test_a_rising_lut_never_falls(first_mapped, entries):
    lut = LookupTable(first_mapped, np.array(entries, dtype=np.float64), 16)
    assert (np.diff(lut.apply(np.arange(-200.0, 200.0))) >= 0).all()


@given(
    st.floats(-500, 4500),
    st.floats(1, 5000),
    st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
    st.booleans(),
)
def test_a_line_that_is_computed_equals_the_table(center, width, function, is_inverted):
    """In a large image a straight line is computed; a small one is always looked up."""
    pixels = ramp()
    many = replace(pixels, codes=np.tile(pixels.codes, (2, 1)))
    few = replace(pixels, codes=pixels.codes[::2, ::2])
    attributes = GrayscaleAttributes(
        window=Window(center, width, function), is_inverted=is_inverted
    )
    (drawn, flags), (looked_up, same_flags) = render(many, attributes), render(few, attributes)
    if flags == same_flags == set():  # the fallback's quantiles depend on the sample
        np.testing.assert_allclose(drawn[:64:2, ::2], looked_up, atol=2e-5)

"""Renders stored pixel values as gray levels for display: LUTs, window, polarity.

Each step depends on one stored value only. So the steps are applied to a table of all stored values
(at most 65,536), and each pixel is looked up once. This module must not know any file format.
"""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.codes import Flag
from pipeline.grayscale.attributes import TINY, GrayscaleAttributes, LookupTable
from pipeline.grayscale.quantiles import take_quantiles
from pipeline.grayscale.stored_pixels import StoredPixels, shrink

WIDEST_TABLE_BITS: Final = 16
# Black and white of an image without a usable window.
_FALLBACK_QUANTILES: Final = (0.005, 0.995)
# A window that leaves a smaller share of pixels between black and white is a mistake.
_LEAST_MIDTONES: Final = 0.05
# Enough pixels a side to know how gray levels are distributed.
_SAMPLE_SIDE_PX: Final = 128
_INVISIBLE_DIFFERENCE: Final = 1e-5
_Integer = TypeVar("_Integer", bound=np.integer)


def render(
    stored: StoredPixels, attributes: GrayscaleAttributes
) -> tuple[NDArray[np.float32], frozenset[Flag]]:
    """Render stored pixels for display, bone bright.

    Parameters
    ----------
    stored
        Decoded pixels.
    attributes
        Of the same instance.

    Returns
    -------
    tuple[NDArray[np.float32], frozenset[Flag]]
        (rows, columns) in [0, 1], MONOCHROME2, padding 0, reduced to the resolution that suffices;
        WINDOW_FALLBACK where more than 8 bits have no usable window.

    References
    ----------
    PS3.4 N.2 (the grayscale transformation sequence).
    """
    reduced = stored
    if attributes.padding is None or not _is_padding(stored, stored.codes, attributes).any():
        reduced = shrink(stored)  # not with padding, which must not be averaged with the image
    codes = reduced.codes
    if stored.bits_stored > WIDEST_TABLE_BITS:
        places = _sample(np.arange(codes.size).reshape(codes.shape))
        levels, flags = _render_codes(reduced, codes.ravel(), places, attributes)
        return levels.reshape(codes.shape), flags
    every_code = np.arange(1 << stored.bits_stored, dtype=np.uint32)
    table, flags = _render_codes(reduced, every_code, _sample(codes), attributes)
    return _look_up(table, codes), flags


def _look_up(table: NDArray[np.float32], codes: NDArray[np.unsignedinteger]) -> NDArray[np.float32]:
    """Return the table's entry for each pixel; a straight line is computed, which is faster."""
    line = _find_line(table) if codes.size > table.size else None
    if line is not None:
        return _draw_line(codes, *line)
    # No code lies outside the table; "clip" is faster, since numpy then checks nothing.
    return np.take(table, codes, mode="clip")


def _find_line(table: NDArray[np.float32]) -> tuple[np.float32, np.float32] | None:
    """Return slope and offset if the table is a straight line between black and white."""
    inner = np.flatnonzero((table > 0) & (table < 1))
    if inner.size < 2:  # noqa: PLR2004 - points of a line
        return None
    first, last = inner[0], inner[-1]
    slope = (float(table[last]) - float(table[first])) / (last - first)
    line = np.float32(slope), np.float32(table[first] - slope * first)
    drawn = _draw_line(np.arange(table.size, dtype=np.uint32), *line)
    return line if np.abs(drawn - table).max() < _INVISIBLE_DIFFERENCE else None


def _draw_line(
    codes: NDArray[np.unsignedinteger], slope: np.float32, offset: np.float32
) -> NDArray[np.float32]:
    levels: NDArray[np.float32] = np.multiply(codes, slope, dtype=np.float32)
    levels += offset
    np.clip(levels, 0, 1, out=levels)
    return levels


def _render_codes(
    stored: StoredPixels,
    codes: NDArray[np.unsignedinteger],
    sample: NDArray[np.integer],
    attributes: GrayscaleAttributes,
) -> tuple[NDArray[np.float32], frozenset[Flag]]:
    """Render codes, (n,): a table of all codes, or those of the image itself.

    ``sample`` holds indices into ``codes``, distributed as in the image.
    """
    is_padding = _is_padding(stored, codes, attributes)
    if attributes.padding is not None:
        exposed = sample[~np.take(is_padding, sample)]
        sample = exposed if exposed.size else sample
    values = _to_modality_units(stored.values_of(codes), attributes)
    levels, flags = _window(values, sample, stored.bits_stored, attributes)
    if attributes.is_inverted:
        levels = 1 - levels
    levels[is_padding] = 0
    return levels.astype(np.float32), flags


def _to_modality_units(
    values: NDArray[np.float64], attributes: GrayscaleAttributes
) -> NDArray[np.float64]:
    """Apply the Modality LUT or Rescale Slope and Intercept (PS3.3 C.11.1): never both."""
    if attributes.modality_lut is not None:
        return attributes.modality_lut.apply(values)
    return values * attributes.slope + attributes.intercept


def _window(
    values: NDArray[np.float64],
    sample: NDArray[np.integer],
    bits_stored: int,
    attributes: GrayscaleAttributes,
) -> tuple[NDArray[np.float64], frozenset[Flag]]:
    """Apply the VOI LUT, else the window, else a window taken from the image itself."""
    voi_lut = attributes.voi_lut
    if voi_lut is not None:
        levels = np.clip(voi_lut.apply(values) / _white_of(voi_lut), 0, 1)
        if _has_midtones(levels, sample):
            return levels, frozenset()
    window = attributes.window
    if window is not None and window.is_usable:
        levels = window.apply(values)
        if _has_midtones(levels, sample):
            return levels, frozenset()
    is_display_ready = bits_stored <= 8 and voi_lut is None and window is None  # noqa: PLR2004
    if is_display_ready:
        # 8 bits without a window are meant for display as they are: 0 is black, 255 white.
        low, high = float(values.min()), float(values.max())
        flags = frozenset[Flag]()
    else:
        exposed = np.take(values, sample.ravel()).astype(np.float32)
        low, high = (float(value) for value in take_quantiles(exposed, _FALLBACK_QUANTILES))
        flags = frozenset({Flag.WINDOW_FALLBACK})
    return np.clip((values - low) / max(high - low, TINY), 0, 1), flags


def _white_of(voi_lut: LookupTable) -> float:
    """Return the entry that is white: all bits set, unless the descriptor's bits are wrong."""
    described = float((1 << voi_lut.bits) - 1)
    highest = float(voi_lut.entries.max())
    return described if described / 4 <= highest <= described else max(highest, 1.0)


def _has_midtones(levels: NDArray[np.float64], sample: NDArray[np.integer]) -> bool:
    is_midtone = (levels > 1 / 255) & (levels < 1 - 1 / 255)
    return bool(np.take(is_midtone, sample, mode="clip").mean() >= _LEAST_MIDTONES)


def _is_padding(
    stored: StoredPixels, codes: NDArray[np.unsignedinteger], attributes: GrayscaleAttributes
) -> NDArray[np.bool_]:
    if attributes.padding is None:
        return np.zeros(codes.shape, dtype=bool)
    first, last = (value - stored.minimum for value in attributes.padding)
    if last < 0:
        return np.zeros(codes.shape, dtype=bool)
    return (codes >= max(first, 0)) & (codes <= last)


def _sample(image: NDArray[_Integer]) -> NDArray[_Integer]:
    """Take every n-th row and column: not at random, so that results can be repeated."""
    step = max(1, -(-min(image.shape) // _SAMPLE_SIDE_PX))
    return image[::step, ::step]

"""Finds the exposed part of a radiograph, without dark collimated borders.

It looks at a thumbnail, so that a radiograph and its smaller copy give the same box.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.grayscale.quantiles import take_quantiles
from pipeline.values.radiograph import FieldOfView, Radiograph

_THUMBNAIL_PX: Final = 112
_DARK: Final = 0.06
# For the quick check of the edges, which assigns some pixels between two cells otherwise than
# Pillow's rounding: below this level the thumbnail itself decides.
_CLEARLY_EXPOSED: Final = 0.075
_LARGEST_TRIM: Final = 0.25


def find_field_of_view(radiograph: Radiograph) -> FieldOfView:
    """Trim collimated borders: outer rows and columns in which nearly nothing is exposed.

    Parameters
    ----------
    radiograph
        Of any size; pixels float32 in [0, 1], bone bright.

    Returns
    -------
    FieldOfView
        ``method`` is ``border_trim``, or ``full_frame`` where nothing was found to trim or where
        the exposed part would be implausibly small.
    """
    rows, columns = radiograph.pixels.shape
    if _is_exposed_to_its_edges(radiograph.pixels):
        return FieldOfView(0, 0, rows, columns, "full_frame")
    thumbnail = _shrink(radiograph.pixels)
    top, bottom = _exposed_span(thumbnail)
    left, right = _exposed_span(thumbnail.T)
    margin = max(top, left, 1 - bottom, 1 - right)
    if margin == 0 or margin > _LARGEST_TRIM:
        return FieldOfView(0, 0, rows, columns, "full_frame")
    return FieldOfView(
        top_px=round(top * rows),
        left_px=round(left * columns),
        bottom_px=round(bottom * rows),
        right_px=round(right * columns),
        method="border_trim",
    )


def _is_exposed_to_its_edges(pixels: NDArray[np.float32]) -> bool:
    """Return whether the thumbnail's outermost lines alone show that nothing is to be trimmed."""
    if min(pixels.shape) < _THUMBNAIL_PX:
        return False
    (_, top, *_, bottom), (_, left, *_, right) = map(_first_pixels, pixels.shape)
    edges = pixels[:top], pixels[bottom:], pixels[:, :left].T, pixels[:, right:].T
    lines = np.stack([_shrink_to_line(edge) for edge in edges])
    return bool(_find_exposed(lines, _CLEARLY_EXPOSED).all())


def _shrink(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    image = Image.fromarray(pixels).resize((_THUMBNAIL_PX, _THUMBNAIL_PX), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32)


def _shrink_to_line(edge: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one line of the thumbnail, (112,), from the lines of pixels that it averages."""
    first = _first_pixels(edge.shape[1])
    counts = np.diff(first, append=edge.shape[1]) * edge.shape[0]
    line: NDArray[np.float32] = np.add.reduceat(edge.sum(axis=0), first) / counts
    return line


def _first_pixels(side_px: int) -> NDArray[np.intp]:
    """Return the first pixel of each cell of the thumbnail, as in Pillow's box filter."""
    return (np.arange(_THUMBNAIL_PX) * (side_px / _THUMBNAIL_PX) + 0.5).astype(np.intp)


def _find_exposed(lines: NDArray[np.float32], level: float = _DARK) -> NDArray[np.bool_]:
    """Return which of some lines, (n, 112), are exposed."""
    # The 90th percentile, not the mean: air beside a child is dark too, but never along a whole
    # line, and a side letter on a black border must not count as exposed.
    return take_quantiles(lines, (0.9,))[:, 0] > level


def _exposed_span(lines: NDArray[np.float32]) -> tuple[float, float]:
    """Return the first and the end of the exposed lines, as fractions of the image's side."""
    exposed = np.flatnonzero(_find_exposed(lines))
    if exposed.size == 0:
        return 0.0, 1.0
    return float(exposed[0]) / _THUMBNAIL_PX, float(exposed[-1] + 1) / _THUMBNAIL_PX

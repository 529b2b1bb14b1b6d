"""Judges from the gray levels whether a radiograph is clipped, or has nearly no contrast.

Noise, another sign of a poor exposure, is not measured. This module must not know headers.
"""

from typing import Final

import numpy as np

from pipeline.codes import Flag
from pipeline.grayscale.quantiles import take_quantiles
from pipeline.values.radiograph import FieldOfView, Radiograph

_BLACK: Final = 2 / 255
_WHITE: Final = 1 - _BLACK
# The middle of the field, where the chest is: the outer sixth is often air or collimator.
_MARGIN: Final = 1 / 6
# Of 2,684 chests of three hospitals, none had more than 3.9 % of the middle black or 2.5 % white,
# and the 5 % and 95 % quantiles were never closer than 0.125.
_MOST_CLIPPED: Final = 0.1
_LEAST_SPREAD: Final = 0.1
_SAMPLE_SIDE_PX: Final = 128


def judge_exposure(radiograph: Radiograph, field_of_view: FieldOfView) -> frozenset[Flag]:
    """Return EXPOSURE_SUSPECT where gray levels are clipped to black or white, or hardly differ.

    Parameters
    ----------
    radiograph
        Rendered, before any stretch of contrast: pixels in [0, 1].
    field_of_view
        The exposed part.
    """
    rows = field_of_view.bottom_px - field_of_view.top_px
    columns = field_of_view.right_px - field_of_view.left_px
    step = max(1, min(rows, columns) // _SAMPLE_SIDE_PX)
    middle = radiograph.pixels[
        field_of_view.top_px + int(rows * _MARGIN) : field_of_view.bottom_px - int(rows * _MARGIN),
        field_of_view.left_px + int(columns * _MARGIN) : field_of_view.right_px
        - int(columns * _MARGIN),
    ][::step, ::step]
    dark, bright = take_quantiles(middle.ravel(), (0.05, 0.95))
    is_clipped = max(np.mean(middle <= _BLACK), np.mean(middle >= _WHITE)) > _MOST_CLIPPED
    return frozenset({Flag.EXPOSURE_SUSPECT} if is_clipped or bright - dark < _LEAST_SPREAD else ())

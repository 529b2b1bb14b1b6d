"""Turns a radiograph into the network's input. Training and serving both call this, and only this.

This module must not know where a radiograph came from, nor what is done with the result.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from PIL import Image

from pipeline.codes import Flag
from pipeline.framing.field_of_view import find_field_of_view
from pipeline.framing.lung_field import locate_lung_field
from pipeline.grayscale.quantiles import take_quantiles
from pipeline.values.radiograph import FieldOfView, ModelInput, Radiograph

PREPROCESSING_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """The parameters that a model was trained with, stored in its release.

    Attributes
    ----------
    version
        Raised whenever the same parameters would give other pixels; a release made for another
        version is refused at start-up.
    size_px
        Rows and columns of the model input.
    lower_quantile, upper_quantile
        Quantiles of the gray levels within the field of view that become 0 and 1. Not the
        extremes: a lead letter or a dead detector line would then set the contrast.
    crop_to_lungs
        Whether to crop to the box of the lung fields, which leaves out most side letters and
        electrodes: as the release's network was trained.
    """

    version: int = PREPROCESSING_VERSION
    size_px: int = 128
    lower_quantile: float = 0.01
    upper_quantile: float = 0.99
    crop_to_lungs: bool = False


def prepare_model_input(radiograph: Radiograph, preprocessing: Preprocessing) -> ModelInput:
    """Crop to the field of view, resample, and stretch the contrast.

    The aspect ratio is not kept: in the public training set it differs between ill and healthy
    children, so a network that saw it would learn the format of the film.

    Parameters
    ----------
    radiograph
        (rows, columns), float32 in [0, 1], MONOCHROME2.
    preprocessing
        Of the release that will score the result.

    Returns
    -------
    ModelInput
        ``pixels`` is (size_px, size_px), float32 in [0, 1].
    """
    exposed = prepare_exposed_field(radiograph, preprocessing)
    return crop_to_lungs(radiograph, exposed, preprocessing)


def prepare_exposed_field(radiograph: Radiograph, preprocessing: Preprocessing) -> ModelInput:
    """Take the first step of `prepare_model_input`: the whole exposed field, not cropped to lungs.

    Image quality is judged on it, also where the network sees a crop.
    """
    return _resample(radiograph, find_field_of_view(radiograph), preprocessing)


def crop_to_lungs(
    radiograph: Radiograph, exposed: ModelInput, preprocessing: Preprocessing
) -> ModelInput:
    """Take the second step: crop to the lungs where the preprocessing says so, else no change.

    Flagged ``FULL_FRAME`` where the lungs are not found.
    """
    if not preprocessing.crop_to_lungs:
        return exposed
    lungs = locate_lung_field(exposed)
    if lungs == exposed.field_of_view:
        return replace(exposed, flags=exposed.flags | {Flag.FULL_FRAME})
    return _resample(radiograph, lungs, preprocessing)


def _resample(radiograph: Radiograph, box: FieldOfView, preprocessing: Preprocessing) -> ModelInput:
    # Antialiased, since Pillow widens the bilinear kernel by the reduction factor. Otherwise a
    # native radiograph (2,000 px) and its 224 px copy would differ by their noise.
    image = Image.fromarray(radiograph.pixels).resize(
        (preprocessing.size_px, preprocessing.size_px),
        Image.Resampling.BILINEAR,
        box=(box.left_px, box.top_px, box.right_px, box.bottom_px),
    )
    pixels = np.array(image, dtype=np.float32)
    # Quantiles after resampling, for the same reason: noise would widen them.
    shares = (preprocessing.lower_quantile, preprocessing.upper_quantile)
    low, high = take_quantiles(pixels.ravel(), shares)
    pixels = np.clip((pixels - low) / max(high - low, np.finfo(np.float32).eps), 0, 1)
    return ModelInput(pixels.astype(np.float32), box, radiograph.flags)

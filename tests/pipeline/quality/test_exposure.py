import numpy as np
import pytest

from pipeline.codes import Flag
from pipeline.framing.field_of_view import find_field_of_view
from pipeline.quality.exposure import judge_exposure
from pipeline.values.radiograph import FieldOfView, Radiograph


def judge(levels):
    radiograph = Radiograph(np.clip(levels, 0, 1).astype(np.float32))
    return judge_exposure(radiograph, find_field_of_view(radiograph))


def test_a_well_exposed_chest_has_no_flag(levels):
    assert judge(levels) == set()


@pytest.mark.parametrize("change", [lambda a: 3 * a - 1.2, lambda a: 3 * a - 0.5])
def test_flags_a_chest_that_is_clipped_to_white_or_black(levels, change):
    assert judge(change(levels)) == {Flag.EXPOSURE_SUSPECT}


def test_flags_a_chest_that_is_nearly_flat(levels):
    assert judge(0.5 + 0.05 * levels) == {Flag.EXPOSURE_SUSPECT}


def test_dark_borders_and_air_do_not_count(levels):
    bordered = np.zeros((240, 260))
    bordered[48:192, 50:210] = levels
    field = FieldOfView(48, 50, 192, 210, "border_trim")
    assert judge_exposure(Radiograph(bordered.astype(np.float32)), field) == set()


def test_an_image_of_a_few_pixels_is_judged_too():
    assert judge_exposure(Radiograph(np.ones((2, 2), np.float32)), FieldOfView(0, 0, 2, 2, ""))

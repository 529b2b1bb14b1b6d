import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from pipeline.codes import Flag
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.quality.lung_coverage import LungCoverage, judge_lung_coverage, load_lung_coverage
from pipeline.values.radiograph import Radiograph


def test_all_layers_but_the_last_are_rectified():
    pixels = np.zeros((128, 128), np.float32)
    pixels[:4, :4] = 1  # the first cell of the grid; all others are alike
    first = np.zeros((1024, 2), np.float32)
    first[0] = 1, -1
    second = np.array([[-0.01, 0, 0, 0.02], [100, 100, 100, 100]], np.float32)
    bias = np.array([0, 0.1, 0, 0], np.float32)
    model = LungCoverage(((first, np.zeros(2, np.float32)), (second, bias)), flagged_beyond=0.3)
    value = np.sqrt(1023)  # of one cell among 1,024, brought to mean 0 and variance 1
    expected = [-0.01 * value, 0.1, 0, 0.02 * value]
    np.testing.assert_allclose(model.find_overhang(pixels), expected, rtol=1e-4, atol=1e-6)
    assert judge_lung_coverage(pixels, model) == {Flag.LUNGS_CUT_OFF}


@settings(max_examples=50)
@given(arrays(np.float32, (128, 128), elements=st.floats(0, 1, width=32)))
def test_judges_any_image(pixels):
    assert np.isfinite(load_lung_coverage().find_overhang(pixels)).all()
    assert judge_lung_coverage(pixels) <= {Flag.LUNGS_CUT_OFF}


def judge(pixels):
    radiograph = Radiograph(np.ascontiguousarray(pixels))
    return judge_lung_coverage(prepare_model_input(radiograph, Preprocessing()).pixels)


@pytest.mark.data
def test_tells_real_chests_from_those_that_were_cut(data_folder):
    chests = []
    for path in sorted((data_folder / "kermany_native").glob("*/*")):
        with Image.open(path) as image:
            chests.append(np.asarray(image.convert("L"), np.float32) / 255)
    assert sum(bool(judge(chest)) for chest in chests) <= 0.05 * len(chests)
    for cut, least_found in (
        (lambda chest: chest[:, int(0.35 * chest.shape[1]) :], 0.8),
        (lambda chest: chest[:, : int(0.65 * chest.shape[1])], 0.8),
        (lambda chest: chest[int(0.4 * chest.shape[0]) :], 0.5),
    ):
        found = sum(bool(judge(cut(chest))) for chest in chests)
        assert found >= least_found * len(chests)

import contextlib
import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.codes import Flag, ReasonCode
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.errors import RejectedInputError
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.quality.appearance import judge_appearance, load_appearance_model, make_thumbnail
from pipeline.reading import read_model_input
from pipeline.values.radiograph import Radiograph
from pipeline.values.reading import ReadingLimits
from worker.phantoms.drawing import ChestPhantom, draw_chest

POLICY = EligibilityPolicy()


@pytest.fixture
def chest(levels):
    radiograph = Radiograph(levels.astype(np.float32))
    return prepare_model_input(radiograph, Preprocessing()).pixels


def test_a_chest_is_not_flagged(chest):
    assert judge_appearance(chest, POLICY) == set()


def test_a_drawn_chest_is_not_flagged():
    drawing = draw_chest(ChestPhantom(size_px=256, opacity=0.2, seed=1))
    model_input = prepare_model_input(Radiograph(drawing), Preprocessing())
    assert judge_appearance(model_input.pixels, POLICY) == set()


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_flags_a_chest_that_is_turned(chest, quarter_turns):
    turned = np.ascontiguousarray(np.rot90(chest, quarter_turns))
    assert Flag.ROTATION_SUSPECT in judge_appearance(turned, POLICY)


def test_flags_a_chest_whose_header_lies_about_polarity(chest):
    assert Flag.POLARITY_SUSPECT in judge_appearance(1 - chest, POLICY)


def refuse(pixels):
    with pytest.raises(RejectedInputError) as refused:
        judge_appearance(pixels.astype(np.float32), POLICY)
    assert refused.value.reason_code is ReasonCode.NOT_A_CHEST_RADIOGRAPH


def test_refuses_what_is_no_chest():
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    refuse(np.random.default_rng(0).random((128, 128)))  # noise
    refuse((np.floor(8 * x) + np.floor(8 * y)) % 2)  # a chequered test pattern
    refuse(np.hypot(x, y) < 0.3)  # a disc


def test_obeys_the_policy(chest):
    with pytest.raises(RejectedInputError):
        judge_appearance(chest, EligibilityPolicy(refused_distance=0.01))
    strict = EligibilityPolicy(unusual_distance=0.01)
    assert judge_appearance(chest, strict) == {Flag.UNUSUAL_APPEARANCE}


@settings(max_examples=50)
@given(arrays(np.float32, (128, 128), elements=st.floats(0, 1, width=32)))
def test_judges_any_image_without_another_error(pixels):
    assert np.isfinite(load_appearance_model().distance(make_thumbnail(pixels)))
    with contextlib.suppress(RejectedInputError):
        judge_appearance(pixels, POLICY)


def test_brightness_and_contrast_do_not_matter(chest):
    model = load_appearance_model()
    faint = make_thumbnail(np.float32(0.3) + np.float32(0.1) * chest)
    assert model.distance(faint) == pytest.approx(model.distance(make_thumbnail(chest)), rel=1e-3)


def read(path):
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    anyone = EligibilityPolicy(maximum_age_years=130)
    return read_model_input(path, sha256, ReadingLimits(), anyone, Preprocessing())


@pytest.mark.data
def test_no_real_chest_is_refused_for_its_appearance(data_folder):
    paths = sorted((data_folder / "kermany_native").glob("*/*"))
    paths += sorted((data_folder / "dicom" / "rsna").glob("*.dcm"))
    readings = [read(path) for path in paths]
    assert len(readings) > 100
    assert [reading.rejection for reading in readings if reading.rejection] == []
    wrong = {Flag.POLARITY_SUSPECT, Flag.ROTATION_SUSPECT}
    assert not any(reading.model_input.flags & wrong for reading in readings)
    unusual = [r for r in readings if Flag.UNUSUAL_APPEARANCE in r.model_input.flags]
    assert len(unusual) <= 0.03 * len(readings)


@pytest.mark.data
def test_no_score_for_a_hand_and_a_test_pattern_whose_headers_name_no_other_part(data_folder):
    assorted = data_folder / "dicom" / "assorted"
    for name in ("380f1c4a_test1.dcm", "075f07b8_test16bits.dcm"):
        rejection = read(assorted / name).rejection
        assert rejection.reason_code is ReasonCode.NOT_A_CHEST_RADIOGRAPH


@pytest.mark.data
def test_finds_real_chests_that_were_turned_or_inverted(data_folder):
    chests = [
        reading.model_input.pixels
        for reading in map(read, sorted((data_folder / "kermany_native").glob("*/*")))
    ]
    for turned, flag in (
        ([1 - chest for chest in chests], Flag.POLARITY_SUSPECT),
        ([np.rot90(chest) for chest in chests], Flag.ROTATION_SUSPECT),
        ([np.rot90(chest, 2) for chest in chests], Flag.ROTATION_SUSPECT),
    ):
        found = sum(flag in judge_appearance(np.ascontiguousarray(p), POLICY) for p in turned)
        assert found >= 0.9 * len(chests)

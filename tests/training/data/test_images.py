import pytest

from pipeline.framing.preprocessing import Preprocessing
from training.data.images import Radiographs, prepare_all
from training.errors import TrainingError


def test_no_radiographs_are_refused(cohort):
    with pytest.raises(TrainingError, match="none of the radiographs"):
        Radiographs(cohort.data, [])


def test_prepared_images_are_those_of_the_serving_path(radiographs):
    pixels, positive = prepare_all(radiographs, Preprocessing(size_px=32))
    assert pixels.shape == (len(radiographs), 32, 32)
    assert positive.tolist() == [sample.is_positive for sample in radiographs.samples]

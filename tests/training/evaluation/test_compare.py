import pytest

from tests.training.conftest import copy_run
from training.data.sampling import Sampling
from training.errors import TrainingError
from training.evaluation.compare import compare_runs

pytestmark = pytest.mark.tensorflow


def test_run_is_tested_on_all_images_of_a_hospital_that_it_never_saw(tmp_path, run, cohort):
    elsewhere = copy_run(run, tmp_path / "elsewhere", sampling=Sampling({"rsna": 8}))
    (comparison,) = compare_runs([elsewhere], cohort.data, cohort.samples)
    assert comparison.confusion is None
    assert comparison.outside["kermany"].unseen
    assert comparison.outside["kermany"].images == 40
    assert not comparison.outside["rsna"].unseen


def test_hospital_known_through_a_teacher_is_not_unseen(tmp_path, run, cohort):
    seen = ("kermany", "rsna")
    student = copy_run(run, tmp_path / "pupil", sampling=Sampling({"rsna": 8}), seen=seen)
    (comparison,) = compare_runs([student], cohort.data, cohort.samples)
    assert not comparison.outside["kermany"].unseen
    assert comparison.outside["kermany"].images < 40


def test_run_of_another_split_is_not_measured(tmp_path, run, cohort):
    other = copy_run(run, tmp_path / "run", split_sha256="another")
    with pytest.raises(TrainingError, match="trained by another split"):
        compare_runs([other], cohort.data, cohort.samples)

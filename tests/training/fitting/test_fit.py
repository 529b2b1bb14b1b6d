from dataclasses import replace

import numpy as np
import pytest

from tests.training.fitting.conftest import TINY, make_batch
from training.data.sampling import Balance, Sampling
from training.errors import TrainingError
from training.fitting.fit import fit
from training.fitting.run import load_averaged, network_logits

pytestmark = pytest.mark.tensorflow


def test_fit_trains_measures_and_resumes(tmp_path, cohort):
    sampling = Sampling({"kermany": 4})
    recipe = replace(TINY, epochs=1, steps_per_epoch=2, warm_up_steps=1, sampling=sampling)
    run = fit(recipe, cohort.data, cohort.samples, tmp_path / "run")
    assert 0 <= run.history[0]["auc_kermany"] <= 1
    again = fit(recipe, cohort.data, cohort.samples, tmp_path / "run")
    assert again.history == run.history
    pixels = make_batch(1).pixels[..., 0]
    loaded = network_logits(load_averaged(tmp_path / "run"), pixels)
    np.testing.assert_allclose(loaded, run.logits(pixels), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (lambda sample: sample.is_positive, "are ill"),
        (lambda _: False, "no radiographs of kermany"),
    ],
)
def test_source_without_one_of_the_classes_is_refused(tmp_path, cohort, kept, message):
    samples = [sample for sample in cohort.samples if kept(sample)]
    with pytest.raises(TrainingError, match=message):
        fit(
            replace(TINY, sampling=Sampling({"kermany": 4})), cohort.data, samples, tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


def test_batches_that_cannot_be_even_by_view_are_refused(tmp_path, cohort):
    viewed = [
        replace(sample, view="AP" if i % 2 else "PA") for i, sample in enumerate(cohort.samples)
    ]
    recipe = replace(TINY, sampling=Sampling({"kermany": 6}, by_view=True))
    with pytest.raises(TrainingError, match="give a multiple of 4"):
        fit(recipe, cohort.data, viewed, tmp_path / "run")
    lying = [replace(sample, view="AP" if sample.is_positive else "PA") for sample in viewed]
    with pytest.raises(TrainingError, match="in other views than the healthy"):
        fit(recipe, cohort.data, lying, tmp_path / "run")
    with pytest.raises(TrainingError, match="even by view only"):
        Sampling({"kermany": 4}, balance=Balance.WEIGHTS, by_view=True)


def test_weights_that_cannot_be_loaded_leave_the_folder_free(tmp_path, cohort):
    recipe = replace(TINY, steps_per_epoch=2, sampling=Sampling({"kermany": 4}))
    with pytest.raises(TrainingError, match="no weights in"):
        fit(replace(recipe, weights="nowhere"), cohort.data, cohort.samples, tmp_path / "run")
    assert fit(recipe, cohort.data, cohort.samples, tmp_path / "run").epoch == recipe.epochs

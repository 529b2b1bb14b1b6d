import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from pipeline.framing.preprocessing import Preprocessing
from training.data.batches import Batch
from training.data.sampling import Balance, Mixture
from training.errors import TrainingError
from training.fitting.fit import fit
from training.fitting.recipe import Recipe
from training.fitting.run import Run, WeightAverage, load_averaged, lung_loss, network_logits

pytestmark = pytest.mark.tensorflow
TINY = Recipe(
    network="cnn",
    epochs=2,
    steps_per_epoch=3,
    warm_up_steps=2,
    lung_weight=0,
    half_precision=False,
    preprocessing=Preprocessing(size_px=16),
)


def deal(step, spoil=0.0):
    """Ill images are brighter; a batch is a function of its step, as a dealer's is."""
    random = np.random.default_rng(step)
    targets = np.array([[0.0], [1.0]] * 4, np.float32)
    pixels = random.random((8, 16, 16, 1), np.float32) * 0.5 + targets[..., None, None] * 0.4
    no_maps = np.full((8, 32, 32, 1), -1, np.float32)
    return Batch(pixels + np.float32(spoil), targets, no_maps, np.ones(8, np.float32))


def test_resumed_run_equals_one_that_was_never_cut_off(tmp_path):
    whole = Run(TINY)
    whole.train_epoch(deal)
    whole.save(tmp_path)
    whole.train_epoch(deal)
    resumed = Run(TINY)
    resumed.restore(tmp_path)
    resumed.train_epoch(deal)
    assert resumed.epoch == whole.epoch == 2
    for key, variable in whole._variables().items():
        other = np.asarray(resumed._variables()[key])
        np.testing.assert_allclose(np.asarray(variable), other, rtol=1e-3, atol=1e-4)
    for value, other in zip(whole.average.values, resumed.average.values, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-6)
    assert resumed.history[0] == whole.history[0]
    assert resumed.history[1]["loss"] == pytest.approx(whole.history[1]["loss"], rel=1e-4, abs=1e-4)


def test_run_learns_what_brightness_tells():
    run = Run(replace(TINY, steps_per_epoch=25))
    run.train_epoch(deal)
    assert run.history[0]["loss"] < 0.3  # chance: 0.69
    logits = run.logits(deal(99).pixels[..., 0])
    assert logits[1::2].min() > logits[::2].max()


def test_loss_of_an_epoch_is_that_of_all_its_batches(monkeypatch):
    run = Run(TINY)
    losses = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(
        run.network, "train_on_batch", lambda *_, **__: {"loss": next(losses)}, raising=True
    )
    run.train_epoch(deal)
    assert run.history[0]["loss"] == 2


def test_broken_loss_stops_the_run():
    with pytest.raises(TrainingError, match="lower the learning rate"):
        Run(TINY).train_epoch(lambda step: deal(step, spoil=np.nan))


def test_folder_of_another_recipe_is_refused(tmp_path):
    TINY.keep_in(tmp_path)
    TINY.keep_in(tmp_path)
    assert Recipe.read(tmp_path) == TINY
    # A recipe of before a field was there, which then had its default, is the same.
    file = tmp_path / "recipe.json"
    values = json.loads(file.read_text())
    del values["augmentation"]["blending"], values["seen"]
    file.write_text(json.dumps(values))
    TINY.keep_in(tmp_path)
    with pytest.raises(TrainingError, match="another recipe"):
        Recipe(network="ann").keep_in(tmp_path)


def test_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="is not a run"):
        load_averaged(tmp_path)
    TINY.keep_in(tmp_path)
    with pytest.raises(TrainingError, match="no checkpoint yet"):
        load_averaged(tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"cut off")
    with pytest.raises(TrainingError, match="is damaged"):
        load_averaged(tmp_path)


def test_fit_trains_measures_and_goes_on_where_it_stood(tmp_path, cohort):
    mixture = Mixture({"kermany": 4})
    recipe = replace(TINY, epochs=1, steps_per_epoch=2, warm_up_steps=1, mixture=mixture)
    run = fit(recipe, cohort.data, cohort.samples, tmp_path / "run")
    assert 0 <= run.history[0]["auc_kermany"] <= 1
    again = fit(recipe, cohort.data, cohort.samples, tmp_path / "run")
    assert again.history == run.history
    pixels = deal(1).pixels[..., 0]
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
        fit(replace(TINY, mixture=Mixture({"kermany": 4})), cohort.data, samples, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_batches_that_cannot_be_even_by_view_are_refused(tmp_path, cohort):
    viewed = [
        replace(sample, view="AP" if i % 2 else "PA") for i, sample in enumerate(cohort.samples)
    ]
    recipe = replace(TINY, mixture=Mixture({"kermany": 6}, by_view=True))
    with pytest.raises(TrainingError, match="give a multiple of 4"):
        fit(recipe, cohort.data, viewed, tmp_path / "run")
    lying = [replace(sample, view="AP" if sample.is_positive else "PA") for sample in viewed]
    with pytest.raises(TrainingError, match="in other views than the healthy"):
        fit(recipe, cohort.data, lying, tmp_path / "run")
    with pytest.raises(TrainingError, match="even by view only"):
        Mixture({"kermany": 4}, balance=Balance.WEIGHTS, by_view=True)


def test_weights_that_cannot_be_had_do_not_keep_the_folder(tmp_path, cohort):
    recipe = replace(TINY, steps_per_epoch=2, mixture=Mixture({"kermany": 4}))
    with pytest.raises(TrainingError, match="no weights in"):
        fit(replace(recipe, weights="nowhere"), cohort.data, cohort.samples, tmp_path / "run")
    assert fit(recipe, cohort.data, cohort.samples, tmp_path / "run").epoch == recipe.epochs


def test_run_goes_on_from_the_average_of_another(tmp_path):
    first = Run(TINY)
    first.average.values = [value + 1 for value in first.average.values]
    TINY.keep_in(tmp_path)
    first.save(tmp_path)
    second = Run(replace(TINY, weights=str(tmp_path), seed=2))
    for weight, value in zip(second.network.weights, first.average.values, strict=True):
        np.testing.assert_array_equal(np.asarray(weight), value)
    assert second.epoch == 0
    with pytest.raises(TrainingError, match="is of another network"):
        Run(replace(TINY, network="ann", weights=str(tmp_path)))


def test_average_follows_and_swaps_back():
    weight = keras.Variable(np.zeros(3, np.float32))
    average = WeightAverage([weight], 0.9)
    weight.assign(np.ones(3, np.float32))
    average.update(7)
    assert average.values[0].tolist() == [0, 0, 0]  # only every eighth step
    average.update(8)
    averaged = float(average.values[0][0])
    assert 0.5 < averaged < 1
    average.swap()
    assert np.asarray(weight)[0] == pytest.approx(averaged)
    average.swap()
    assert np.asarray(weight)[0] == 1


def test_lung_loss_counts_only_where_a_mask_is_known():
    logits = np.full((2, 4, 4, 1), 3.0, np.float32)
    maps = np.stack([np.ones((4, 4, 1)), np.full((4, 4, 1), -1)]).astype(np.float32)
    known, unknown = np.asarray(
        lung_loss(ops.convert_to_tensor(maps), ops.convert_to_tensor(logits))
    )
    assert known == pytest.approx(np.log1p(np.exp(-3)), rel=1e-4)
    assert unknown == 0


def test_run_shorter_than_its_warm_up_is_refused():
    with pytest.raises(TrainingError, match="180 steps are no more than the warm-up's 200"):
        Recipe(epochs=2, steps_per_epoch=90)

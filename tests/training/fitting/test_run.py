from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import ops

from tests.training.fitting.conftest import TINY, make_batch
from training.errors import TrainingError
from training.fitting.run import Run, WeightAverage, load_averaged, lung_loss

pytestmark = pytest.mark.tensorflow


def test_resumed_run_equals_one_that_was_never_interrupted(tmp_path):
    whole = Run(TINY)
    whole.train_epoch(make_batch)
    whole.save(tmp_path)
    whole.train_epoch(make_batch)
    resumed = Run(TINY)
    resumed.restore(tmp_path)
    resumed.train_epoch(make_batch)
    assert resumed.epoch == whole.epoch == 2
    for key, variable in whole._variables().items():
        other = np.asarray(resumed._variables()[key])
        np.testing.assert_allclose(np.asarray(variable), other, rtol=1e-3, atol=1e-4)
    for value, other in zip(whole.average.values, resumed.average.values, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-6)
    assert resumed.history[0] == whole.history[0]
    assert resumed.history[1]["loss"] == pytest.approx(whole.history[1]["loss"], rel=1e-4, abs=1e-4)


def test_run_learns_to_separate_by_brightness():
    run = Run(replace(TINY, steps_per_epoch=25))
    run.train_epoch(make_batch)
    assert run.history[0]["loss"] < 0.3  # chance: 0.69
    logits = run.logits(make_batch(99).pixels[..., 0])
    assert logits[1::2].min() > logits[::2].max()


def test_loss_of_an_epoch_is_that_of_all_its_batches(monkeypatch):
    run = Run(TINY)
    losses = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(
        run.network, "train_on_batch", lambda *_, **__: {"loss": next(losses)}, raising=True
    )
    run.train_epoch(make_batch)
    assert run.history[0]["loss"] == 2


def test_broken_loss_stops_the_run():
    with pytest.raises(TrainingError, match="lower the learning rate"):
        Run(TINY).train_epoch(lambda step: make_batch(step, spoil=np.nan))


def test_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="is not a run"):
        load_averaged(tmp_path)
    TINY.write(tmp_path)
    with pytest.raises(TrainingError, match="no checkpoint yet"):
        load_averaged(tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"cut off")
    with pytest.raises(TrainingError, match="is damaged"):
        load_averaged(tmp_path)


def test_run_starts_from_the_averaged_weights_of_another(tmp_path):
    first = Run(TINY)
    first.average.values = [value + 1 for value in first.average.values]
    TINY.write(tmp_path)
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


def test_lung_loss_is_zero_without_a_mask():
    logits = np.full((2, 4, 4, 1), 3.0, np.float32)
    maps = np.stack([np.ones((4, 4, 1)), np.full((4, 4, 1), -1)]).astype(np.float32)
    known, unknown = np.asarray(
        lung_loss(ops.convert_to_tensor(maps), ops.convert_to_tensor(logits))
    )
    assert known == pytest.approx(np.log1p(np.exp(-3)), rel=1e-4)
    assert unknown == 0

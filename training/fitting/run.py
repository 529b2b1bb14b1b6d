"""A network in training, with all the state that is needed to resume it.

This module must not know image files, nor how a trained network is evaluated.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from training.data.batches import NO_MASK, Batch
from training.errors import TrainingError
from training.fitting.recipe import Recipe
from training.networks.network import (
    build_for_training,
    load_initial_weights,
    serving_part,
    wants_xla,
)

CHECKPOINT_FILE: Final = "checkpoint.safetensors"
HISTORY_FILE: Final = "history.json"


class WeightAverage:
    """An exponential moving average of all weights, batch statistics included.

    Computed in numpy, every few steps: independent of the backend, and cheap beside a step.

    References
    ----------
    Polyak and Juditsky, Acceleration of stochastic approximation by averaging, 1992.
    """

    EVERY: Final = 8

    def __init__(self, weights: Sequence[Any], momentum: float) -> None:
        self._weights = list(weights)
        self._momentum = momentum
        self.values = [np.asarray(weight).copy() for weight in weights]

    def update(self, step: int) -> None:
        """Update the average with the weights after ``step``, counted from 1."""
        if step % self.EVERY:
            return
        # A short memory at first, so that the random initial weights are soon forgotten.
        momentum = min(self._momentum**self.EVERY, step / (step + 10 * self.EVERY))
        self.values = [
            momentum * value + (1 - momentum) * np.asarray(weight)
            for value, weight in zip(self.values, self._weights, strict=True)
        ]

    def swap(self) -> None:
        """Exchange the average and the network's weights."""
        current = [np.asarray(weight).copy() for weight in self._weights]
        for weight, value in zip(self._weights, self.values, strict=True):
            weight.assign(value)
        self.values = current


class Run:
    """A network, its optimizer, the average of its weights, and the history of its figures."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        keras.utils.set_random_seed(recipe.seed)
        keras.config.set_dtype_policy("mixed_bfloat16" if recipe.half_precision else "float32")
        self.network = build_for_training(
            recipe.network, recipe.preprocessing.size_px, lung_head=recipe.lung_weight > 0
        )
        if recipe.continues_run:
            before = Recipe.read(Path(recipe.weights))
            if (before.network, before.lung_weight > 0) != (recipe.network, recipe.lung_weight > 0):
                raise TrainingError(f"the run {recipe.weights} is of another network, or lung head")
            _load_average(self.network, Path(recipe.weights))
        else:
            load_initial_weights(self.network, recipe.weights)
        self._served = serving_part(self.network)
        self._compile()
        self.average = WeightAverage(self.network.weights, recipe.average_momentum)

    def _compile(self) -> None:
        recipe = self.recipe
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0,
            recipe.epochs * recipe.steps_per_epoch - recipe.warm_up_steps,
            warmup_target=recipe.peak_learning_rate,
            warmup_steps=recipe.warm_up_steps,
        )
        optimizer = keras.optimizers.AdamW(
            schedule, weight_decay=recipe.weight_decay, global_clipnorm=1.0
        )
        # Weight decay of biases and normalizations moves thresholds and regularizes nothing.
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        losses = {"logit": keras.losses.BinaryCrossentropy(from_logits=True), "lungs": lung_loss}
        self.network.compile(
            optimizer,
            loss={name: losses[name] for name in self.network.output},
            loss_weights={
                name: {"logit": 1.0, "lungs": recipe.lung_weight}[name]
                for name in self.network.output
            },
            jit_compile=wants_xla(),
        )
        optimizer.build(self.network.trainable_variables)

    def train_epoch(
        self, make_batch: Callable[[int], Batch], advance: Callable[[], None] = lambda: None
    ) -> None:
        """Train one epoch, and add its mean losses and its speed to the history.

        Parameters
        ----------
        make_batch
            Gives the batch of a step, counted from the run's beginning.
        advance
            Called after every step.

        Raises
        ------
        TrainingError
            If the loss is not finite.
        """
        steps = self.recipe.steps_per_epoch
        losses: list[dict[str, float]] = []
        images = 0
        started = time.monotonic()
        for step in range(self.epoch * steps, (self.epoch + 1) * steps):
            batch = make_batch(step)
            known = {"logit": batch.targets, "lungs": batch.lung_maps}
            targets = {name: known[name] for name in self.network.output}
            every = np.ones_like(batch.weights)
            weights = {name: batch.weights if name == "logit" else every for name in targets}
            losses.append(
                self.network.train_on_batch(batch.pixels, targets, weights, return_dict=True)
            )
            self.average.update(step + 1)
            images += len(batch.pixels)
            advance()
        means = {name: float(np.mean([each[name] for each in losses])) for name in losses[0]}
        if not np.isfinite(means["loss"]):
            raise TrainingError(
                f"the loss of epoch {self.epoch + 1} is {means['loss']}; lower the learning rate"
            )
        self.epoch += 1
        self.history.append(
            means | {"epoch": self.epoch, "images_per_s": images / (time.monotonic() - started)}
        )

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score prepared images, (n, size, size), with the averaged weights: (n,) float64."""
        self.average.swap()
        scores = network_logits(self._served, pixels)
        self.average.swap()
        return scores

    def save(self, folder: Path) -> None:
        """Write the checkpoint; a run that is killed meanwhile keeps the previous one."""
        arrays = {key: np.asarray(variable) for key, variable in self._variables().items()}
        arrays |= {f"average/{i}": value for i, value in enumerate(self.average.values)}
        partial = folder / (CHECKPOINT_FILE + ".partial")
        notes = {"epoch": str(self.epoch), "history": json.dumps(self.history)}
        save_file(arrays, partial, metadata=notes)
        partial.replace(folder / CHECKPOINT_FILE)
        history = json.dumps(self.history, indent=1)
        (folder / HISTORY_FILE).write_text(history + "\n", encoding="utf-8")

    def restore(self, folder: Path) -> None:
        """Load the folder's checkpoint, if there is one."""
        if not (folder / CHECKPOINT_FILE).exists():
            return
        with open_checkpoint(folder) as state:
            for key, variable in self._variables().items():
                variable.assign(state.get_tensor(key))
            self.average.values = [
                state.get_tensor(f"average/{i}").copy() for i in range(len(self.average.values))
            ]
            notes = state.metadata()
        self.epoch = int(notes["epoch"])
        self.history = json.loads(notes["history"])

    def _variables(self) -> dict[str, Any]:
        optimizer = self.network.optimizer
        return {f"network/{i}": v for i, v in enumerate(self.network.variables)} | {
            f"optimizer/{i}": v for i, v in enumerate(optimizer.variables)
        }


def load_averaged(folder: Path, *, half_precision: bool = False) -> keras.Model:
    """Load the averaged weights of a run into the network that is served.

    Parameters
    ----------
    half_precision
        Compute in bfloat16, as `Recipe.half_precision`; by default in float32.

    Raises
    ------
    TrainingError
        If the folder holds no run, or none with a checkpoint.
    """
    recipe = Recipe.read(folder)
    keras.config.set_dtype_policy("mixed_bfloat16" if half_precision else "float32")
    network = build_for_training(
        recipe.network, recipe.preprocessing.size_px, lung_head=recipe.lung_weight > 0
    )
    _load_average(network, folder)
    return serving_part(network)


def open_checkpoint(folder: Path) -> Any:  # noqa: ANN401
    """Open the checkpoint of a run: a context manager of safetensors.

    Raises
    ------
    TrainingError
        If the run has no checkpoint, or a damaged one.
    """
    file = folder / CHECKPOINT_FILE
    if not file.exists():
        raise TrainingError(
            f"{folder} has no checkpoint yet; train it with `python -m training fit`"
        )
    try:
        return safe_open(file, "numpy")
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{file} is damaged ({error}); remove it to begin anew") from error


def _load_average(network: keras.Model, folder: Path) -> None:
    with open_checkpoint(folder) as state:
        for i, weight in enumerate(network.weights):
            weight.assign(state.get_tensor(f"average/{i}"))


def network_logits(network: Any, pixels: NDArray[np.float32]) -> NDArray[np.float64]:  # noqa: ANN401
    """Score prepared images, (n, size, size), in batches: (n,) float64."""
    scores = [
        network.predict_on_batch(pixels[i : i + 32, ..., None]) for i in range(0, len(pixels), 32)
    ]
    return np.concatenate(scores)[:, 0].astype(np.float64)


def lung_loss(maps: Any, logits: Any) -> Any:  # noqa: ANN401
    """Cross-entropy of the lung map, per image; 0 where there is no mask."""
    known = ops.cast(maps > NO_MASK / 2, logits.dtype)
    entropy = ops.relu(logits) - logits * maps + ops.log1p(ops.exp(-ops.abs(logits)))
    return ops.mean(known * entropy, axis=(1, 2, 3))

"""Makes batches of augmented radiographs.

A batch is a pure function of (seed, step). So a run can be resumed, and worker processes can
prepare batches ahead in any order. This module must not know any network.
"""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from pipeline.processes import end_with_parent
from pipeline.values.radiograph import FieldOfView, Radiograph
from training.data.augmentation import Augmentation, augment
from training.data.cohort import Sample
from training.data.images import Radiographs
from training.data.sampling import Balance, Sampling
from training.errors import TrainingError

LUNG_MAP_PX: Final = 32
NO_MASK: Final = -1.0
NO_LABEL: Final = -1.0


class Batch(NamedTuple):
    """The images and targets of one training step.

    Attributes
    ----------
    pixels
        (n, size, size, 1), float32 in [0, 1].
    targets
        (n, 1), float32: smoothed labels; -1 where there is none.
    lung_maps
        (n, 32, 32, 1), float32 in [0, 1]; -1 throughout where there is no mask.
    weights
        (n,), float32: weight of each image in the label's loss, 1 on average.
    """

    pixels: NDArray[np.float32]
    targets: NDArray[np.float32]
    lung_maps: NDArray[np.float32]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Everything that determines a step's batch, besides the cohort."""

    preprocessing: Preprocessing
    sampling: Sampling
    augmentation: Augmentation
    seed: int


class BatchGenerator:
    """Makes augmented batches of the radiographs that are held in memory."""

    def __init__(self, radiographs: Radiographs, plan: BatchPlan) -> None:
        self._radiographs = radiographs
        self._plan = plan
        self._indices: dict[tuple[str, bool], list[int]] = defaultdict(list)
        for index, sample in enumerate(radiographs.samples):
            self._indices[sample.source, sample.is_positive].append(index)

    def make_batch(self, step: int) -> Batch:
        """Give the batch of one training step; the same step always gives the same batch."""
        random = np.random.default_rng((self._plan.seed, step))
        images = [
            self._prepare_image(source, index, random)
            for source, count in self._plan.sampling.images.items()
            for index in self.choose_images(source, count, step)
        ]
        batch = Batch(*(np.stack(column) for column in zip(*images, strict=True)))
        alpha = self._plan.augmentation.mixup
        return apply_mixup(batch, alpha, random) if alpha else batch

    def count_classes(self, source: str) -> tuple[int, int]:
        """Give the numbers of healthy and of ill images of a source."""
        return len(self._indices[source, False]), len(self._indices[source, True])

    def choose_images(self, source: str, count: int, step: int) -> list[int]:
        """Give the indices of a source's images in the batch of a step."""
        healthy, ill = self._indices[source, False], self._indices[source, True]
        if self._plan.sampling.balance == Balance.SAMPLING:
            half = count // 2
            if ill:
                return self._choose_by_view(healthy, half, step) + self._choose_by_view(
                    ill, half, step
                )
        return self._take_shuffled(healthy + ill, count, step)

    def _choose_by_view(self, indices: list[int], count: int, step: int) -> list[int]:
        if not self._plan.sampling.by_view:
            return self._take_shuffled(indices, count, step)
        views: dict[str, list[int]] = defaultdict(list)
        for index in indices:
            views[self._radiographs.samples[index].view].append(index)
        shares = np.diff(np.linspace(0, count, len(views) + 1).astype(int)).tolist()
        return [
            index
            for (_, same), share in zip(sorted(views.items()), shares, strict=True)
            for index in self._take_shuffled(same, share, step)
        ]

    def _take_shuffled(self, indices: list[int], count: int, step: int) -> list[int]:
        # Without replacement: every pass over the images is a seeded permutation of its own.
        chosen = []
        for position in range(step * count, (step + 1) * count):
            lap, place = divmod(position, len(indices))
            random = np.random.default_rng((self._plan.seed, lap, len(indices)))
            chosen.append(int(random.permutation(indices)[place]))
        return chosen

    def _prepare_image(
        self, source: str, index: int, random: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], np.float32]:
        other = self._radiographs.pixels(int(random.integers(len(self._radiographs))))
        pixels, mask = augment(
            self._radiographs.pixels(index),
            self._radiographs.mask(index),
            other,
            self._plan.augmentation,
            random,
        )
        model_input = prepare_model_input(Radiograph(pixels), self._plan.preprocessing)
        smoothing = self._plan.sampling.smoothing.get(source, 0.0)
        sample = self._radiographs.samples[index]
        target = abs(float(sample.is_positive) - smoothing / 2) if sample.label else NO_LABEL
        return (
            model_input.pixels[..., None],
            np.array([target], np.float32),
            _lung_map(mask, model_input.field_of_view),
            self._weight(sample),
        )

    def _weight(self, sample: Sample) -> np.float32:
        if self._plan.sampling.balance != Balance.WEIGHTS or not sample.label:
            return np.float32(1)
        counts = self.count_classes(sample.source)
        return np.float32(sum(counts) / (2 * counts[sample.is_positive]))


def apply_mixup(batch: Batch, alpha: float, random: np.random.Generator) -> Batch:
    """Mix every image of a batch with another one, and their targets alike.

    An image without a label is not mixed. Where one of two images has no lung map, the result has
    none.

    Parameters
    ----------
    alpha
        Parameter of the symmetric Beta distribution that the two shares are drawn from; the larger
        share is the image's own.

    References
    ----------
    Zhang et al., mixup: Beyond empirical risk minimization, 2018.
    """
    count = len(batch.targets)
    partner = random.permutation(count)
    share = random.beta(alpha, alpha, count).astype(np.float32)
    labelled = batch.targets[:, 0] != NO_LABEL
    own = np.where(labelled & labelled[partner], np.maximum(share, 1 - share), np.float32(1))

    def mix(values: NDArray[np.float32]) -> NDArray[np.float32]:
        shaped = own.reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(shaped * values + (1 - shaped) * values[partner], np.float32)

    known = batch.lung_maps.max(axis=(1, 2, 3)) != NO_MASK
    maps = np.where(
        (known & (known[partner] | (own == 1)))[:, None, None, None],
        mix(batch.lung_maps),
        np.float32(NO_MASK),
    )
    return Batch(mix(batch.pixels), mix(batch.targets), maps, mix(batch.weights))


class BatchPool:
    """Worker processes that prepare the batches of consecutive steps ahead."""

    def __init__(
        self, data: Path, samples: Sequence[Sample], plan: BatchPlan, *, workers: int
    ) -> None:
        self._pool = ProcessPoolExecutor(
            workers,
            # Spawned: TensorFlow does not survive a fork, and the workers do not need it.
            get_context("spawn"),
            _start_worker,
            (data, samples, plan),
        )
        self._ahead = 4 * workers
        self._pending: dict[int, Future[Batch]] = {}

    def make_batch(self, step: int) -> Batch:
        """Give the batch of a step, and start the preparation of the following ones."""
        for next_step in range(step, step + self._ahead):
            if next_step not in self._pending:
                self._pending[next_step] = self._pool.submit(_make_batch_in_worker, next_step)
        return self._pending.pop(step).result()

    def close(self) -> None:
        """Stop the workers."""
        self._pool.shutdown(wait=True, cancel_futures=True)


_generator: BatchGenerator | TrainingError


def _start_worker(data: Path, samples: Sequence[Sample], plan: BatchPlan) -> None:
    global _generator  # noqa: PLW0603
    end_with_parent()
    try:
        _generator = BatchGenerator(Radiographs(data, samples, quiet=True), plan)
    except TrainingError as error:  # raised here it would break the pool, and its text be lost
        _generator = error


def _make_batch_in_worker(step: int) -> Batch:
    if isinstance(_generator, TrainingError):
        raise _generator
    return _generator.make_batch(step)


def _lung_map(mask: NDArray[np.float32] | None, field_of_view: FieldOfView) -> NDArray[np.float32]:
    if mask is None:
        return np.full((LUNG_MAP_PX, LUNG_MAP_PX, 1), NO_MASK, np.float32)
    box = (
        field_of_view.left_px,
        field_of_view.top_px,
        field_of_view.right_px,
        field_of_view.bottom_px,
    )
    small = Image.fromarray(mask).resize(
        (LUNG_MAP_PX, LUNG_MAP_PX), Image.Resampling.BILINEAR, box=box
    )
    return np.clip(np.asarray(small, np.float32), 0, 1)[..., None]

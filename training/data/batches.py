"""Deals batches of a cohort's radiographs, augmented.

A batch is a pure function of (seed, step): that is what makes a run resumable, and lets worker
processes prepare batches ahead in any order. This module must not know any network.
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
from training.data.sampling import Balance, Mixture
from training.errors import TrainingError

LUNG_MAP_PX: Final = 32
NO_MASK: Final = -1.0
NO_LABEL: Final = -1.0


class Batch(NamedTuple):
    """What one training step sees.

    Attributes
    ----------
    pixels
        (n, size, size, 1), float32 in [0, 1].
    targets
        (n, 1), float32: smoothed labels; -1 where there is none.
    lung_maps
        (n, 32, 32, 1), float32 in [0, 1]; -1 throughout where no mask is known.
    weights
        (n,), float32: what each image counts in the label's loss, 1 on average.
    """

    pixels: NDArray[np.float32]
    targets: NDArray[np.float32]
    lung_maps: NDArray[np.float32]
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Dealing:
    """Everything that decides what a step's batch is, besides the cohort."""

    preprocessing: Preprocessing
    mixture: Mixture
    augmentation: Augmentation
    seed: int


class Dealer:
    """Deals augmented batches of a mixture of sources, and plain ones for measuring."""

    def __init__(self, radiographs: Radiographs, dealing: Dealing) -> None:
        self._radiographs = radiographs
        self._dealing = dealing
        self._indices: dict[tuple[str, bool], list[int]] = defaultdict(list)
        for index, sample in enumerate(radiographs.samples):
            self._indices[sample.source, sample.is_positive].append(index)

    def deal(self, step: int) -> Batch:
        """Give the batch of one training step; the same step always gives the same batch."""
        random = np.random.default_rng((self._dealing.seed, step))
        images = [
            self._draw(source, index, random)
            for source, count in self._dealing.mixture.images.items()
            for index in self._pick(source, count, step)
        ]
        batch = Batch(*(np.stack(column) for column in zip(*images, strict=True)))
        blending = self._dealing.augmentation.blending
        return blend_pairs(batch, blending, random) if blending else batch

    def count(self, source: str) -> tuple[int, int]:
        """Give how many healthy and how many ill images of a source there are to deal."""
        return len(self._indices[source, False]), len(self._indices[source, True])

    def _pick(self, source: str, count: int, step: int) -> list[int]:
        healthy, ill = self._indices[source, False], self._indices[source, True]
        if self._dealing.mixture.balance == Balance.SAMPLING:
            half = count // 2
            if ill:
                return self._sample(healthy, half, step) + self._sample(ill, half, step)
        return self._pass_over(healthy + ill, count, step)

    def _sample(self, indices: list[int], count: int, step: int) -> list[int]:
        if not self._dealing.mixture.by_view:
            return self._pass_over(indices, count, step)
        views: dict[str, list[int]] = defaultdict(list)
        for index in indices:
            views[self._radiographs.samples[index].view].append(index)
        shares = np.diff(np.linspace(0, count, len(views) + 1).astype(int)).tolist()
        return [
            index
            for (_, same), share in zip(sorted(views.items()), shares, strict=True)
            for index in self._pass_over(same, share, step)
        ]

    def _pass_over(self, indices: list[int], count: int, step: int) -> list[int]:
        # Without replacement within a pass: each pass is its own seeded permutation.
        chosen = []
        for position in range(step * count, (step + 1) * count):
            lap, place = divmod(position, len(indices))
            order = np.random.default_rng((self._dealing.seed, lap, len(indices))).permutation(
                indices
            )
            chosen.append(int(order[place]))
        return chosen

    def _draw(
        self, source: str, index: int, random: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], np.float32]:
        other = self._radiographs.pixels(int(random.integers(len(self._radiographs))))
        pixels, mask = augment(
            self._radiographs.pixels(index),
            self._radiographs.mask(index),
            other,
            self._dealing.augmentation,
            random,
        )
        model_input = prepare_model_input(Radiograph(pixels), self._dealing.preprocessing)
        smoothing = self._dealing.mixture.smoothing.get(source, 0.0)
        sample = self._radiographs.samples[index]
        target = abs(float(sample.is_positive) - smoothing / 2) if sample.label else NO_LABEL
        return (
            model_input.pixels[..., None],
            np.array([target], np.float32),
            _lung_map(mask, model_input.field_of_view),
            self._weight(sample),
        )

    def _weight(self, sample: Sample) -> np.float32:
        if self._dealing.mixture.balance != Balance.WEIGHTS or not sample.label:
            return np.float32(1)
        counts = self.count(sample.source)
        return np.float32(sum(counts) / (2 * counts[sample.is_positive]))


def blend_pairs(batch: Batch, blending: float, random: np.random.Generator) -> Batch:
    """Blend every image of a batch with another, and what is known of it.

    An image without a label stays as it is, and where one of two has no lung map, so has the blend.

    Parameters
    ----------
    blending
        Parameter of the symmetric Beta distribution that shares are drawn from; the larger one is
        the image's own.

    References
    ----------
    Zhang et al., mixup: Beyond empirical risk minimization, 2018.
    """
    count = len(batch.targets)
    partner = random.permutation(count)
    share = random.beta(blending, blending, count).astype(np.float32)
    labelled = batch.targets[:, 0] != NO_LABEL
    own = np.where(labelled & labelled[partner], np.maximum(share, 1 - share), np.float32(1))

    def blend(values: NDArray[np.float32]) -> NDArray[np.float32]:
        shaped = own.reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(shaped * values + (1 - shaped) * values[partner], np.float32)

    known = batch.lung_maps.max(axis=(1, 2, 3)) != NO_MASK
    maps = np.where(
        (known & (known[partner] | (own == 1)))[:, None, None, None],
        blend(batch.lung_maps),
        np.float32(NO_MASK),
    )
    return Batch(blend(batch.pixels), blend(batch.targets), maps, blend(batch.weights))


class DealerPool:
    """Deals the batches of consecutive steps, prepared ahead in other processes."""

    def __init__(
        self, data: Path, samples: Sequence[Sample], dealing: Dealing, *, workers: int
    ) -> None:
        self._pool = ProcessPoolExecutor(
            workers,
            # Spawned: TensorFlow does not survive a fork, and the workers need none of it.
            get_context("spawn"),
            _start_worker,
            (data, samples, dealing),
        )
        self._ahead = 4 * workers
        self._pending: dict[int, Future[Batch]] = {}

    def deal(self, step: int) -> Batch:
        """Give the batch of a step, and have the following ones prepared."""
        for coming in range(step, step + self._ahead):
            if coming not in self._pending:
                self._pending[coming] = self._pool.submit(_deal_in_worker, coming)
        return self._pending.pop(step).result()

    def close(self) -> None:
        """Stop the workers."""
        self._pool.shutdown(wait=True, cancel_futures=True)


_dealer: Dealer | TrainingError


def _start_worker(data: Path, samples: Sequence[Sample], dealing: Dealing) -> None:
    global _dealer  # noqa: PLW0603
    end_with_parent()
    try:
        _dealer = Dealer(Radiographs(data, samples, quiet=True), dealing)
    except TrainingError as error:  # raised here it would end the pool, and tell nothing
        _dealer = error


def _deal_in_worker(step: int) -> Batch:
    if isinstance(_dealer, TrainingError):
        raise _dealer
    return _dealer.deal(step)


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

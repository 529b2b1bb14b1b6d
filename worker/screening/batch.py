"""Reads a batch of files in reader processes, and classifies what could be read in one call.

This module must not know a database: the screener records what comes of it, a shadow run compares.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.codes import Flag
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.framing.preprocessing import Preprocessing
from pipeline.values.instance import Instance, Rejection
from pipeline.values.radiograph import ModelInput
from pipeline.values.reading import Reading
from worker.readers.pool import ReaderDeath, ReaderPool


class Classifier(Protocol):
    """What a batch needs of a network: calibrated probabilities for prepared pixels."""

    @property
    def engine(self) -> str:
        """What runs the network, recorded with each screening."""
        ...

    def warm_up(self, batch_size: int) -> None:
        """Run every batch shape up to ``batch_size`` once."""
        ...

    def classify(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score (n, size, size) float32 in [0, 1]; gives (n,) probabilities in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class Classified:
    """A radiograph that was read and classified.

    Attributes
    ----------
    probability
        Calibrated, in [0, 1].
    engine
        What ran the network.
    """

    instance: Instance
    flags: frozenset[Flag]
    probability: float
    engine: str


FileRead = Future[Reading | Rejection]
"""A file that is being read by a reader process; see `start_reading`."""


def start_reading(
    readers: ReaderPool,
    files: Iterable[tuple[bytes, str]],
    policy: EligibilityPolicy,
    preprocessing: Preprocessing,
) -> list[FileRead]:
    """Begin to read files, each a path with the SHA-256 its content must have; returns at once."""
    return [readers.start_reading(path, sha256, policy, preprocessing) for path, sha256 in files]


def classify_batch(
    readers: ReaderPool,
    files: Sequence[FileRead],
    network: Callable[[], Classifier],
    *,
    while_reading: Callable[[], object] = lambda: None,
    every_s: float | None = None,
) -> list[Classified | Rejection | ReaderDeath]:
    """Wait for files that are being read, and classify all that could be read in one call.

    Parameters
    ----------
    files
        From `start_reading`.
    network
        Asked for only if a file could be read, so that it may still be loading.
    while_reading
        Called after each file, and every ``every_s`` seconds while one is waited for: what must
        not stand still meanwhile (the renewal of leases).

    Returns
    -------
    list
        One for each file, in the order of the files: its probability; or why it is not eligible,
        damaged or missing; or that it ended its reader process.
    """
    found: list[_Prepared | Rejection | ReaderDeath] = []
    for file in files:
        while not wait([file], every_s).done:
            while_reading()
        result: Reading | Rejection | ReaderDeath = readers.finish(file)
        found.append(_prepare(result))
        while_reading()
    prepared = [each for each in found if isinstance(each, _Prepared)]
    classified = iter(_classify(prepared, network) if prepared else ())
    return [next(classified) if isinstance(each, _Prepared) else each for each in found]


@dataclass(frozen=True, slots=True)
class _Prepared:
    instance: Instance
    model_input: ModelInput


def _prepare(found: Reading | Rejection | ReaderDeath) -> _Prepared | Rejection | ReaderDeath:
    match found:
        case Reading(instance=instance, model_input=ModelInput() as model_input):
            return _Prepared(instance, model_input)
        case Reading(rejection=Rejection() as rejection):
            return rejection
        case Reading():
            raise ValueError("a reading has neither a model input nor a rejection")
        case _:
            return found


def _classify(
    prepared: Sequence[_Prepared], network: Callable[[], Classifier]
) -> Iterator[Classified]:
    classifier = network()
    pixels = np.stack([each.model_input.pixels for each in prepared])
    probabilities = classifier.classify(pixels)
    for each, probability in zip(prepared, probabilities, strict=True):
        yield Classified(
            each.instance, each.model_input.flags, float(probability), classifier.engine
        )

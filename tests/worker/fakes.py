"""Fakes that tests hand to the worker's parts: real behaviour, made small and steerable."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import Event

import numpy as np
from numpy.typing import NDArray

from db.instances.arrivals import SourceFile
from pipeline.codes import Lane
from worker.inbox.folders import Entry
from worker.inbox.registrar import Registration


class FakeClock:
    """A clock that moves only when someone waits, and by exactly that much."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.wall_jump = timedelta(0)

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.elapsed_s) + self.wall_jump

    def monotonic_s(self) -> float:
        return self.elapsed_s

    def wait(self, stop: Event, seconds: float) -> bool:
        if not stop.is_set():
            self.elapsed_s += seconds
        return stop.is_set()


class FakeRegistrar:
    """Remembers what was registered; files named in ``unreadable`` cannot be read."""

    def __init__(self) -> None:
        self.registered: list[bytes] = []
        self.unreadable: set[bytes] = set()

    def register(
        self, entries: Iterable[Entry], on_registered: Callable[[int], None] = lambda _count: None
    ) -> Registration:
        sources: list[SourceFile] = [entry.source for entry in entries]
        self.registered += [source.path for source in sources]
        on_registered(len(sources))
        return Registration(
            len(sources), frozenset(source for source in sources if source.path in self.unreadable)
        )


class BrightnessClassifier:
    """Calls an image ill in proportion to its mean: a network that a test can predict."""

    engine = "fake"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def warm_up(self, batch_size: int) -> None:
        self.warmed_up = batch_size

    def classify(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        self.batches.append(len(pixels))
        return pixels.mean(axis=(1, 2), dtype=np.float64)


class RecordingHints:
    """Remembers what it was asked to hint at."""

    def __init__(self) -> None:
        self.sent: list[tuple[Lane, int]] = []

    def send(self, lane: Lane, rows: int, /) -> int:
        if rows:
            self.sent.append((lane, rows))
        return min(rows, 1)


class ScriptedSteps:
    """Gives one prepared answer, or raises one prepared error, a step; then nothing is left."""

    def __init__(self, *script: int | Exception) -> None:
        self._script = list(script)
        self.steps = 0

    def step(self) -> int:
        self.steps += 1
        answer = self._script.pop(0) if self._script else 0
        if isinstance(answer, Exception):
            raise answer
        return answer

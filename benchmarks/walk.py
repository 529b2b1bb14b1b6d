"""Times the walk of radiographs in one process: overlap of reading and classifying, and latency.

    python -m benchmarks.walk overlap FOLDER TRACE
    python -m benchmarks.walk latency FOLDER LIVE

The folder's files are registered first, and everything is warm. Each prints one JSON line.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, Final

import numpy as np
from sqlalchemy import update

from db.connection.engine import write_session
from db.tables.imaging import InstanceRow
from pipeline.codes import Lane
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.files import read_file
from pipeline.framing.preprocessing import Preprocessing
from pipeline.reading import read_model_input
from pipeline.values.reading import Reading, ReadingLimits
from worker.database import open_database
from worker.inbox.folders import list_paths
from worker.logs import configure_logging
from worker.readers import tasks as reader_tasks
from worker.readers.pool import ReaderPool
from worker.screening.assembly import ScreeningWorker, load_warm_classifier, open_screening_worker
from worker.settings import LogFormat, Settings, load_settings

_BETWEEN_LIVE_S: Final = 0.25
_LIVE_AFTER: Final = 100
_PAUSE_S: Final = 0.005
_NEVER: Final = Event()
_FILES_TIMED: Final = 90
_TRACE_VARIABLE: Final = "BENCHMARK_TRACE"


def read_traced(path: bytes, sha256: str, *rest: Any) -> Reading:  # noqa: ANN401
    """Read as the product does, and write down when."""
    began_s = time.monotonic()
    reading = reader_tasks.read(path, sha256, *rest)
    note = f"{os.getpid()} {began_s} {time.monotonic()}\n"
    with Path(os.environ[_TRACE_VARIABLE]).open("a", encoding="ascii") as trace:
        trace.write(note)
    return reading


class _Traced:
    """A classifier that records when it works."""

    def __init__(self, classifier: Any, spans: list[tuple[float, float]]) -> None:  # noqa: ANN401
        self._classifier = classifier
        self._spans = spans
        self.engine = classifier.engine

    def warm_up(self, batch_size: int) -> None:
        self._classifier.warm_up(batch_size)

    def classify(self, pixels: Any) -> Any:  # noqa: ANN401
        began_s = time.monotonic()
        probabilities = self._classifier.classify(pixels)
        self._spans.append((began_s, time.monotonic()))
        return probabilities


def measure_overlap(folder: Path, trace: Path) -> dict[str, float]:
    """Compare the walk's throughput with what reading and classifying alone would allow."""
    settings = load_settings()
    paths = [os.fsencode(path) for path in sorted(folder.iterdir())]
    read_s = _measure_reading_s(paths[:_FILES_TIMED])  # they come one syntax after the other
    classifier = load_warm_classifier(settings.release, settings.engine, settings.batch_size)
    classify_s = _measure_classifying_s(classifier.classify, settings.batch_size)
    cores = len(os.sched_getaffinity(0))

    notes = trace.with_suffix(".notes")
    notes.write_text("", encoding="ascii")
    os.environ[_TRACE_VARIABLE] = str(notes)
    original = reader_tasks.read
    spans: list[tuple[float, float]] = []
    with _registered(settings, folder, lambda _: _Traced(classifier, spans)) as worker:
        _patch_reader(read_traced)
        began_s = time.monotonic()
        files = 0
        while recorded := worker.screener.step():
            files += recorded
        ended_s = time.monotonic()
        _patch_reader(original)
    reads = [line.split() for line in notes.read_text(encoding="ascii").splitlines()]
    trace.write_text(
        json.dumps(
            {
                "reads": [[int(r), float(a) - began_s, float(b) - began_s] for r, a, b in reads],
                "classified": [[a - began_s, b - began_s] for a, b in spans],
                "seconds": ended_s - began_s,
            }
        ),
        encoding="utf-8",
    )
    possible = cores / (read_s + classify_s)
    return {
        "files": files,
        "read_ms": 1000 * read_s,
        "classify_ms": 1000 * classify_s,
        "possible_per_s": possible,
        "files_per_s": files / (ended_s - began_s),
        "share_of_possible": files / (ended_s - began_s) / possible,
    }


def _patch_reader(function: Callable[..., Reading]) -> None:
    # A function is pickled by name, so that a reader process imports this module for it.
    import worker.readers.pool  # noqa: PLC0415

    class Tasks:
        confine = staticmethod(reader_tasks.confine)
        get_ready = staticmethod(reader_tasks.get_ready)
        inspect = staticmethod(reader_tasks.inspect)
        read = staticmethod(function)

    worker.readers.pool.tasks = Tasks  # type: ignore[assignment]


def measure_latency(folder: Path, live: Path) -> dict[str, float]:
    """Register single live files during a backfill, and a hundred after it.

    In one thread, where the product has two: a file is registered, then one batch is screened.
    """
    settings = load_settings()
    left = sorted(live.iterdir())

    def load(path: Path) -> Any:  # noqa: ANN401
        return load_warm_classifier(path, settings.engine, settings.batch_size)

    with _registered(settings, folder, load) as worker:
        clock = worker.database.clock
        with write_session(worker.database.engine) as session:
            session.execute(update(InstanceRow).values(lane=Lane.BACKFILL))
        worker.network.get()
        random_source = random.Random(0)  # noqa: S311 - when files come
        due_s = clock.monotonic_s() + 2
        beside_s: list[float] = []
        alone_s: list[float] = []
        waits_s = beside_s
        under_way: float | None = None
        while under_way is not None or (left and len(alone_s) < _LIVE_AFTER):
            if under_way is None and clock.monotonic_s() >= due_s:
                worker.registrar.register(list_paths([left.pop()]))
                under_way = due_s
                before = _screened(worker)
            if not worker.screener.step():
                waits_s = alone_s  # the backfill is done
                clock.wait(_NEVER, _PAUSE_S)
            if under_way is not None and _screened(worker) > before:
                waits_s.append(clock.monotonic_s() - under_way)
                under_way = None
                due_s = clock.monotonic_s() + random_source.uniform(0, 2 * _BETWEEN_LIVE_S)
    return _describe_waits(beside_s, "") | _describe_waits(alone_s, "alone_")


def _describe_waits(waits_s: Sequence[float], prefix: str) -> dict[str, float]:
    p50, p99 = np.quantile(waits_s, (0.5, 0.99))
    return {
        f"{prefix}live": len(waits_s),
        f"{prefix}p50_s": float(p50),
        f"{prefix}p99_s": float(p99),
    }


def _screened(worker: ScreeningWorker) -> int:
    with worker.database.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM instance WHERE lane = 'URGENT' AND state = 'SCREENED'"
        )
        return int(found.scalar_one())


@contextmanager
def _registered(
    settings: Settings, folder: Path, load: Callable[[Path], Any]
) -> Iterator[ScreeningWorker]:
    with TemporaryDirectory() as place:
        url = f"sqlite:///{place}/worklist.db"
        settings = settings.model_copy(update={"database_url": url})
        with (
            ReaderPool.of(settings) as readers,
            open_database(url) as database,
            open_screening_worker(settings, database, readers, load) as worker,
        ):
            worker.registrar.register(list_paths([folder]))
            yield worker


def _measure_reading_s(paths: Sequence[bytes]) -> float:
    """Give the CPU seconds of reading one file, in one process."""
    limits, policy, preprocessing = ReadingLimits(), EligibilityPolicy(), Preprocessing()
    digests = [read_file(path, limits.file_bytes)[0] for path in paths]

    def read_all() -> None:
        for path, digest in zip(paths, digests, strict=True):
            read_model_input(path, digest, limits, policy, preprocessing)

    read_all()
    began_s = time.process_time()
    read_all()
    return (time.process_time() - began_s) / len(paths)


def _measure_classifying_s(classify: Callable[[Any], object], batch_size: int) -> float:
    """Give the core seconds of one image: wall-clock seconds times the cores."""
    pixels = np.random.default_rng(0).random((batch_size, 128, 128), np.float32)
    classify(pixels)
    began_s = time.perf_counter()
    for _ in range(8):
        classify(pixels)
    elapsed_s = time.perf_counter() - began_s
    return elapsed_s / (8 * batch_size) * len(os.sched_getaffinity(0))


def main() -> None:
    """Run the measurement that the command line names."""
    configure_logging("WARNING", LogFormat.CONSOLE)  # what is printed is the result alone
    what, first, second = sys.argv[1:]
    measures = {"overlap": measure_overlap, "latency": measure_latency}
    sys.stdout.write(json.dumps(measures[what](Path(first), Path(second))) + "\n")


if __name__ == "__main__":
    main()

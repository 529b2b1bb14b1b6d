"""Composes what registers and screens files in one process: readers, screener, network.

This module must not know what starts it: a command, a watcher or a hint.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from db.connection.engine import repeat_change, write_session
from db.work.releases import make_current, recount_results, register_release
from pipeline.engines.names import EngineName
from pipeline.release import load_release
from worker.database import Database
from worker.inbox.registrar import Registrar
from worker.inbox.unpacking_registrar import UnpackingRegistrar
from worker.readers.pool import ReaderPool
from worker.screening.batch import Classifier
from worker.screening.screener import Screener, ScreenerPolicy
from worker.settings import Settings

LoadNetwork = Callable[[Path], Classifier]


@dataclass(frozen=True, slots=True)
class ScreeningWorker:
    """What registers and screens files in this process."""

    database: Database
    registrar: UnpackingRegistrar
    screener: Screener
    network: "NetworkLoader"


class NetworkLoader:
    """Loads the network once, in a thread, while headers are read; not at all for nothing new.

    Loading takes seconds, most of them TensorFlow's import.
    """

    def __init__(self, submit: Callable[[], "Future[Classifier]"]) -> None:
        self._submit = submit
        self._loading: Future[Classifier] | None = None

    def start(self) -> "Future[Classifier]":
        """Begin to load, if that has not begun; returns at once."""
        self._loading = self._loading or self._submit()
        return self._loading

    def get(self) -> Classifier:
        """Give the network, waiting for it if need be."""
        return self.start().result()


@contextmanager
def open_screening_worker(
    settings: Settings, database: Database, readers: ReaderPool, load: LoadNetwork
) -> Iterator[ScreeningWorker]:
    """Compose a worker whose network is loaded when it is first needed.

    Its release becomes the current one. At the end, what was claimed and not begun is handed back.

    Parameters
    ----------
    readers
        Started already, since they take as long to start as all the rest.
    load
        Loads a release's network: `load_for` a run, or `load_warm_classifier` to wait for files.

    Raises
    ------
    PneumoscreenError
        If the release or the database cannot be used: in one line, with the mend.
    """
    release = load_release(settings.release)
    policy = ScreenerPolicy(
        eligibility=settings.eligibility,
        batch_size=settings.batch_size,
        lease=timedelta(seconds=settings.lease_s),
        maximum_attempts=settings.maximum_attempts,
        maximum_lost_workers=settings.maximum_lost_workers,
    )
    engine, clock = database.engine, database.clock
    with ThreadPoolExecutor(1, thread_name_prefix="load-network") as thread:
        network = NetworkLoader(lambda: thread.submit(load, settings.release))
        registrar = Registrar(engine, readers, clock, on_new_files=network.start)
        with write_session(engine) as session:
            register_release(session, release)
            make_current(session, release.name, clock.now())
        screener = Screener(
            engine=engine,
            readers=readers,
            network=network.get,
            release=release,
            policy=policy,
            clock=clock,
        )
        try:
            unpacking = UnpackingRegistrar(registrar, readers, engine, clock)
            yield ScreeningWorker(database, unpacking, screener, network)
        finally:
            screener.hand_back()


def finish_recount(database: Database) -> None:
    """Finish what the scheduler does when the release changed, for a run that has no scheduler."""
    repeat_change(database.engine, recount_results, database.clock.now)


def load_classifier(folder: Path, engine: EngineName, *, for_many: bool = False) -> Classifier:
    """Load a release's network, ready to score; for more than one batch, if asked to.

    Raises
    ------
    ReleaseError
        If the release is missing, damaged, or made for another preprocessing.
    ClassifierError
        If the engine is not installed.
    """
    # Imported here: an engine takes seconds, and the readers must have been started before it.
    from pipeline.classifier import Classifier as Network  # noqa: PLC0415

    return Network.load(folder, engine, for_many=for_many)


def load_for(settings: Settings, files: int) -> LoadNetwork:
    """Give what loads a release's network for a run of so many files at the most."""
    many = files > settings.batch_size
    return lambda folder: load_classifier(folder, settings.engine, for_many=many)


def load_warm_classifier(folder: Path, engine: EngineName, batch_size: int) -> Classifier:
    """Load a release's network and run every batch shape up to a size once.

    For a process that waits for files to come, so that no study pays for it.
    """
    classifier = load_classifier(folder, engine)
    classifier.warm_up(batch_size)
    return classifier

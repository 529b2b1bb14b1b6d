"""Composes the embedded product: one process, one database, no broker."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from db.connection.engine import open_database
from db.upkeep.upgrade import check_schema, is_empty, upgrade_schema
from pipeline.engines.names import EngineName
from pipeline.release import load_release
from worker.clock import Clock
from worker.inbox.registrar import Registrar
from worker.readers.pool import ReaderPool
from worker.screening.screener import Classifier, Screener, ScreenerPolicy
from worker.settings import Settings


@dataclass(frozen=True, slots=True)
class Embedded:
    """The parts of a running embedded worker."""

    engine: Engine
    readers: ReaderPool
    registrar: Registrar
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


def open_worklist(database_url: str) -> Engine:
    """Open the database and make sure that its schema is this version's.

    An empty SQLite file is the embedded default's first start, so its tables are made at once;
    a PostgreSQL database is somebody's to upgrade knowingly.

    Raises
    ------
    DatabaseError
        If it cannot be reached, or its schema is older or newer than this version.
    """
    engine = open_database(database_url)
    if engine.dialect.name == "sqlite" and is_empty(engine):
        upgrade_schema(engine)
    check_schema(engine)
    return engine


@contextmanager
def open_embedded(
    settings: Settings,
    clock: Clock,
    readers: ReaderPool,
    load: "Callable[[Path], Classifier]",
) -> Iterator[Embedded]:
    """Open the database, and have the network loaded when it is needed.

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
    engine = open_worklist(settings.database_url)
    with ThreadPoolExecutor(1, thread_name_prefix="load-network") as thread:
        network = NetworkLoader(lambda: thread.submit(load, settings.release))
        registrar = Registrar(engine, readers, clock, on_news=network.start)
        screener = Screener(
            engine=engine,
            readers=readers,
            network=network.get,
            release=release,
            policy=policy,
            clock=clock,
        )
        try:
            yield Embedded(engine, readers, registrar, screener, network)
        finally:
            screener.hand_back()
            engine.dispose()


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


def load_for(settings: Settings, files: int) -> "Callable[[Path], Classifier]":
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

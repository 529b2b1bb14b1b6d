"""Composes the embedded product: one process, one database, no broker."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from db.engine import open_database
from db.schema import check_schema, is_empty, upgrade_schema
from pipeline.release import load_release
from worker.clock import Clock
from worker.readers import ReaderPool
from worker.registrar import Registrar
from worker.screener import Classifier, Screener, ScreenerPolicy
from worker.settings import Settings


@dataclass(frozen=True, slots=True)
class Embedded:
    """The parts of a running embedded worker."""

    engine: Engine
    registrar: Registrar
    screener: Screener


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
def open_embedded(settings: Settings, clock: Clock) -> Iterator[Embedded]:
    """Start readers, database and network, in the order that none waits for another.

    Raises
    ------
    PneumoscreenError
        If the release or the database cannot be used: in one line, with the mend.
    """
    release = load_release(settings.release)
    engine = open_worklist(settings.database_url)
    readers = ReaderPool(
        settings.readers, settings.reader_memory_mib, settings.reader_timeout_s, settings.limits
    )
    policy = ScreenerPolicy(
        eligibility=settings.eligibility,
        batch_size=settings.batch_size,
        lease=timedelta(seconds=settings.lease_s),
        maximum_attempts=settings.maximum_attempts,
    )
    # The network takes seconds to load: a thread does it while headers are read and registered.
    with readers, ThreadPoolExecutor(1, thread_name_prefix="load-network") as loader:
        classifier = loader.submit(load_classifier, settings.release)
        screener = Screener(
            engine=engine,
            readers=readers,
            classifier=classifier,
            release=release,
            policy=policy,
            clock=clock,
        )
        try:
            yield Embedded(engine, Registrar(engine, readers, clock), screener)
        finally:
            screener.hand_back()
            engine.dispose()


def load_classifier(folder: Path) -> Classifier:
    """Load a release's network, ready to score.

    Raises
    ------
    ReleaseError
        If the release is missing, damaged, or made for another preprocessing.
    ImportError
        If TensorFlow is not installed.
    """
    # Imported here: TensorFlow takes seconds, and the readers must have been started before it.
    from pipeline.classifier import Classifier as Network  # noqa: PLC0415

    return Network.load(folder)

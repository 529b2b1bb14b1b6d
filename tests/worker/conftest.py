from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Engine

from pipeline.framing.preprocessing import Preprocessing
from pipeline.release import Calibration, ModelRelease
from pipeline.values.reading import ReadingLimits
from pipeline.values.screening import OperatingPoints
from worker.database import open_database
from worker.readers.pool import ReaderPool

RELEASE = ModelRelease(
    name="test-release",
    architecture="resnet50v2",
    weights_sha256="0" * 64,
    preprocessing=Preprocessing(),
    calibration=Calibration(slope=1.0, offset=0.0),
    operating_points=OperatingPoints(high_sensitivity=0.3, high_specificity=0.7),
    created="2026-01-01",
)


@pytest.fixture(autouse=True)
def fresh_logging() -> Iterator[None]:
    """A command's logging writes to that test's standard error, which is closed afterwards."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with open_database(f"sqlite:///{tmp_path / 'worklist.db'}") as database:
        yield database.engine


@pytest.fixture(scope="session")
def shared_readers() -> Iterator[ReaderPool]:
    """One reader process for all tests that only read: starting one takes a second."""
    with ReaderPool(1, 2048, 10.0, ReadingLimits()) as pool:
        yield pool

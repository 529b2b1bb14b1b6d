from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.values.reading import ReadingLimits
from tests.service.stack import Stack, open_stack, servers_are_missing
from tests.worker.fakes import FakeClock
from worker.database import open_database
from worker.readers.pool import ReaderPool


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with open_database(f"sqlite:///{tmp_path / 'worklist.db'}") as database:
        yield database.engine


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def readers() -> Iterator[ReaderPool]:
    with ReaderPool(1, 2048, 10.0, ReadingLimits()) as pool:
        yield pool


@pytest.fixture(scope="session")
def servers() -> None:
    missing = servers_are_missing()
    if missing is not None:
        pytest.skip(missing)


@pytest.fixture
def stack(servers: None, tmp_path: Path) -> Iterator[Stack]:  # noqa: ARG001
    with open_stack(tmp_path) as opened:
        yield opened

"""What tests of several rooms share, and what holds for all of them.

With ``PNEUMOSCREEN_TEST_STRICT`` (CI) a test that is skipped for want of something that can be
installed is a failure.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine

from pipeline.values.reading import ReadingLimits
from tests.servers import RedisServer, postgres_is_missing, redis_is_missing
from tests.service.stack import Stack, open_stack
from tests.worker.fakes import FakeClock
from worker.database import open_database
from worker.readers.pool import ReaderPool

# The machine may be busy with other work; what a test finds does not depend on how fast.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# The development data cannot be installed, and root may read every folder.
_EXCUSED = ("development data", "root may")


class Strictness:
    """Collects what was skipped for want of something that could have been installed."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2]
            if not any(excuse in reason for excuse in _EXCUSED):
                self.missing.add(reason)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for reason in sorted(self.missing):
            terminalreporter.write_line(f"PNEUMOSCREEN_TEST_STRICT: may not be skipped: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("PNEUMOSCREEN_TEST_STRICT"):
        config.pluginmanager.register(Strictness())


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An embedded worklist; tests of `db` have one on each database instead."""
    with open_database(f"sqlite:///{tmp_path / 'worklist.db'}") as database:
        yield database.engine


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def readers() -> Iterator[ReaderPool]:
    """One reader process for all tests that only read: starting one takes a second."""
    with ReaderPool(1, 2048, 60.0, ReadingLimits()) as pool:
        yield pool


@pytest.fixture(scope="session")
def redis_is_there() -> None:
    if missing := redis_is_missing():
        pytest.skip(missing)


@pytest.fixture(scope="session")
def postgres_is_there() -> None:
    if missing := postgres_is_missing():
        pytest.skip(missing)


@pytest.fixture
def redis(redis_is_there: None, tmp_path: Path) -> Iterator[RedisServer]:  # noqa: ARG001
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def servers(redis_is_there: None, postgres_is_there: None) -> None:
    """Skip a test where Redis or PostgreSQL is missing."""


@pytest.fixture
def stack(servers: None, tmp_path: Path) -> Iterator[Stack]:  # noqa: ARG001
    with open_stack(tmp_path) as opened:
        yield opened

"""Each test's own database, SQLite and PostgreSQL alike."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, make_url

import db.tables.audit
import db.tables.imaging  # noqa: F401 - for their tables
from db.connection.engine import open_database, write_connection
from db.tables.columns import Base
from db.upkeep.upgrade import upgrade_schema
from tests.db.site import Site
from tests.servers import empty_database

# Longer than a busy machine needs: eight threads that write at once wait for each other.
LOCK_WAIT_S = 120
BOTH = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgres),
]


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One database for each process of the test run, emptied between tests."""
    url = f"sqlite:///{tmp_path_factory.mktemp('db') / 'worklist.db'}"
    engine = open_database(url, LOCK_WAIT_S)
    event.listen(engine, "connect", trust_the_power_supply)
    upgrade_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_is_there: None) -> Iterator[str]:  # noqa: ARG001
    """An empty database of the test's own."""
    with empty_database() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_engine(postgres_is_there: None) -> Iterator[Engine]:  # noqa: ARG001
    """One database for each process of the test run, emptied between tests."""
    with empty_database() as url:
        engine = open_database(url, LOCK_WAIT_S)
        upgrade_schema(engine)
        with write_connection(engine) as connection:
            # As `trust_the_power_supply` does for SQLite.
            name = make_url(url).database
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
        engine.dispose()
        yield engine
        engine.dispose()


@pytest.fixture(params=BOTH)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An upgraded database without rows."""
    engine: Engine = request.getfixturevalue(
        "sqlite_engine" if request.param == "sqlite" else "postgres_engine"
    )
    empty(engine)
    return engine


def trust_the_power_supply(connection: Any, _record: object) -> None:
    """Do not wait for the disk: tests pull no plugs."""
    connection.execute("PRAGMA synchronous = OFF")


def empty(engine: Engine) -> None:
    """Delete all rows but the reason codes."""
    names = [t.name for t in reversed(Base.metadata.sorted_tables) if t.name != "reason"]
    with write_connection(engine) as connection:
        for name in names:
            connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608 - our own names


@pytest.fixture
def site(engine: Engine) -> Site:
    return Site(engine)

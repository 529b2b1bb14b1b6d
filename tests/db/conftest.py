"""Each test's own database, SQLite and PostgreSQL alike."""

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError

import db.tables.audit
import db.tables.imaging  # noqa: F401 - for their tables
from db.connection.engine import open_database, write_connection
from db.tables.columns import Base
from db.upkeep.upgrade import upgrade_schema
from tests.db.site import Site

# The machine may be busy with other work; what a test finds does not depend on how fast.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

SERVER = os.environ.get(
    "PNEUMOSCREEN_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
)
BOTH = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgres),
]


@pytest.fixture(scope="session")
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One database for each process of the test run, emptied between tests."""
    engine = open_database(f"sqlite:///{tmp_path_factory.mktemp('db') / 'worklist.db'}")
    event.listen(engine, "connect", trust_the_power_supply)
    upgrade_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Engine]:
    """A connection that makes databases; the tests that need it are skipped without a server."""
    server = create_engine(
        SERVER, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3}
    )
    try:
        server.connect().close()
    except OperationalError:
        server.dispose()
        pytest.skip("no PostgreSQL server answers (PNEUMOSCREEN_TEST_POSTGRES)")
    yield server
    server.dispose()


@pytest.fixture
def postgres_url(postgres_server: Engine) -> Iterator[str]:
    """An empty database of the test's own."""
    name = f"pneumoscreen_test_{uuid.uuid4().hex}"
    with postgres_server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    with postgres_server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def postgres_engine(postgres_server: Engine) -> Iterator[Engine]:
    """One database for each process of the test run, emptied between tests."""
    name = f"pneumoscreen_test_{uuid.uuid4().hex}"
    with postgres_server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        # As `trust_the_power_supply` does for SQLite.
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    url = make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    engine = open_database(url)
    upgrade_schema(engine)
    yield engine
    engine.dispose()
    with postgres_server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


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

"""Creates a PostgreSQL database for one measurement, and drops it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import create_engine, make_url

from db.connection.engine import open_database
from db.upkeep.upgrade import upgrade_schema

LOCAL_SERVER: Final = "postgresql://postgres@127.0.0.1:5432/postgres"


@contextmanager
def fresh_database(server_url: str = LOCAL_SERVER) -> Iterator[str]:
    """Give the URL of a new database with this version's schema; dropped at the end.

    Parameters
    ----------
    server_url
        URL of any database of the server, as a role that may create databases.
    """
    server = create_engine(
        make_url(server_url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    name = f"pneumoscreen_bench_{time.monotonic_ns()}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        url = server.url.set(database=name).render_as_string(hide_password=False)
        engine = open_database(url)
        upgrade_schema(engine)
        engine.dispose()
        yield url
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        server.dispose()

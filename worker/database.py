"""Opens the database for a command or a process: its schema checked, its clock beside it.

This module must not know what is then read or written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select

from db.connection.engine import open_database as open_engine
from db.connection.engine import read_session
from db.upkeep.upgrade import check_schema, is_empty, upgrade_schema
from worker.clock import AnchoredClock, Clock


@dataclass(frozen=True, slots=True)
class Database:
    """An open database.

    Attributes
    ----------
    clock
        Anchored to the database server's clock: every time that is recorded is the database's
        (docs/decisions/0009-own-schedule.md).
    """

    engine: Engine
    clock: Clock


@contextmanager
def open_database(url: str) -> Iterator[Database]:
    """Open a database, make sure that its schema is this version's, and close it at the end.

    An empty SQLite file is the first start of the embedded product, so its tables are made at once;
    a PostgreSQL database is upgraded by its administrator alone.

    Raises
    ------
    DatabaseError
        If it cannot be reached, or its schema is older or newer than this version.
    """
    engine = open_engine(url)
    try:
        if engine.dialect.name == "sqlite" and is_empty(engine):
            upgrade_schema(engine)
        check_schema(engine)
        yield Database(engine, anchor_clock(engine))
    finally:
        engine.dispose()


def anchor_clock(engine: Engine) -> AnchoredClock:
    """Make a clock that goes on from the database server's time; from this machine's for SQLite.

    Raises
    ------
    DatabaseError
        If the server cannot be asked.
    """
    if engine.dialect.name != "postgresql":
        return AnchoredClock(datetime.now(UTC))
    with read_session(engine) as session:
        return AnchoredClock(session.execute(select(func.clock_timestamp())).scalar_one())

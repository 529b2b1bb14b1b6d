"""Opens the database, SQLite or PostgreSQL, and gives sessions that are one transaction each.

This module must not know any table. Above it the two databases look the same.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from db.connection.errors import DatabaseError, DatabaseUnavailableError, translate_error

LOCK_WAIT_S: Final = 15.0
# A process that is stopped within a transaction holds its rows no longer than this.
_STANDSTILL_S: Final = 60.0
_WRITES: Final = "pneumoscreen_writes"
_POSTGRES_DEFAULTS: Final[dict[str, Any]] = {
    "application_name": "pneumoscreen",
    "connect_timeout": 5,
    # Without these a cut network cable leaves a worker waiting for two hours.
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def open_database(url: str, lock_wait_s: float = LOCK_WAIT_S) -> Engine:
    """Make an engine; PostgreSQL is first spoken to by the first session.

    Parameters
    ----------
    url
        ``sqlite:///path/to/file.db`` or ``postgresql://user@host/name``. The folder of a SQLite
        file is made.
    lock_wait_s
        How long a statement waits for another program's lock before it gives up.

    Raises
    ------
    DatabaseError
        If the URL is no such thing, or the folder cannot be made.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseError(_not_a_url()) from error
    match parsed.get_backend_name():
        case "sqlite":
            return _open_sqlite(parsed, lock_wait_s)
        case "postgresql" | "postgres":
            return _open_postgres(parsed.set(drivername="postgresql+psycopg"), lock_wait_s)
        case _:
            raise DatabaseError(_not_a_url())


@contextmanager
def read_session(engine: Engine) -> Iterator[Session]:
    """Give a session in a transaction that only reads.

    Raises
    ------
    DatabaseError
        If the database cannot be read.
    """
    readers = (
        engine.execution_options(postgresql_readonly=True)
        if engine.dialect.name == "postgresql"
        else engine
    )
    with translated_errors(engine), Session(readers) as session:
        yield session


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """Give a session in a transaction: committed at the end, or nothing of it is written.

    Raises
    ------
    DatabaseError
        If the database cannot be written. ``DatabaseUnavailableError`` where waiting may help.
    """
    writers = engine.execution_options(**{_WRITES: True})
    with (
        translated_errors(engine),
        Session(writers, expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


def repeat_change(
    engine: Engine, change: Callable[[Session, datetime], int], now: Callable[[], datetime]
) -> int:
    """Make a change a batch at a time, each in a transaction of its own, until it gives 0.

    Returns
    -------
    int
        The sum of what it gave.

    Raises
    ------
    DatabaseError
        If the database cannot be written; what was committed until then stays.
    """
    total = 0
    while True:
        with write_session(engine) as session:
            changed = change(session, now())
        if not changed:
            return total
        total += changed


@contextmanager
def write_connection(engine: Engine) -> Iterator[Connection]:
    """Give a connection in a writing transaction, for what is not about rows.

    Raises
    ------
    DatabaseError
        If the database cannot be written.
    """
    writers = engine.execution_options(**{_WRITES: True})
    with translated_errors(engine), writers.begin() as connection:
        yield connection


@contextmanager
def translated_errors(engine: Engine) -> Iterator[None]:
    """Turn what the driver raises into a `DatabaseError`, unless it is this program's fault."""
    try:
        yield
    except DBAPIError as error:
        translated = translate_error(error, engine.url)
        if translated is None:
            raise
        raise translated from error
    except PoolTimeoutError as error:
        raise DatabaseUnavailableError(
            f"database {engine.url.render_as_string()}: all connections are in use; wait, or "
            "run fewer threads in one process"
        ) from error


def _not_a_url() -> str:
    # The value itself is not repeated: it may hold a password.
    return (
        "that is not a database URL; give sqlite:///path/to/file.db or "
        "postgresql://user@host/name (PNEUMOSCREEN_DATABASE_URL or --database)"
    )


def _open_postgres(url: URL, lock_wait_s: float) -> Engine:
    settings = {
        "lock_timeout": round(lock_wait_s * 1000),
        "idle_in_transaction_session_timeout": round(_STANDSTILL_S * 1000),
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    defaults = {**_POSTGRES_DEFAULTS, "options": options}
    return create_engine(
        url,
        pool_pre_ping=True,
        connect_args={key: value for key, value in defaults.items() if key not in url.query},
    )


def _open_sqlite(url: URL, lock_wait_s: float) -> Engine:
    if url.database and url.database != ":memory:":
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(
                f"the database's folder {folder} cannot be made: {error.strerror}; name a folder "
                "that may be written (PNEUMOSCREEN_DATABASE_URL or --database)"
            ) from error
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - any DBAPI
        # The driver must not begin transactions by itself: it would leave DDL out of them, and
        # begin a writer's as a reader's, which fails at once where it should wait.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {round(lock_wait_s * 1000)}")
        _keep_write_ahead_log(cursor, lock_wait_s)  # readers never wait for a writer
        cursor.execute("PRAGMA synchronous = FULL")  # what was committed survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _keep_write_ahead_log(cursor: Any, wait_s: float) -> None:  # noqa: ANN401 - any DBAPI
    """Turn a file's write-ahead log on, which it stays.

    Two that do so at once with a new file exclude each other, and SQLite tells the second at once,
    whatever its busy timeout: the first is done in a moment.
    """
    until_s = time.monotonic() + wait_s
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                raise
            time.sleep(0.01)
        else:
            return

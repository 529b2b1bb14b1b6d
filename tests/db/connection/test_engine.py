import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.connection.engine import open_database, read_session, write_session
from db.connection.errors import DatabaseError, DatabaseUnavailableError
from db.upkeep.upgrade import upgrade_schema
from db.worklist.view import read_worklist
from tests.db.site import Site, make_instance


@pytest.mark.parametrize("url", ["", "worklist.db", "mysql://host/db", "oracle://x", "sqlite//x"])
def test_what_is_no_database_url_is_said_to_be_none(url: str) -> None:
    with pytest.raises(DatabaseError, match="not a database URL; give sqlite:///"):
        open_database(url)


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(DatabaseError) as caught:
        open_database("mysql://user:hunter2@host/db")
    assert "hunter2" not in str(caught.value)
    engine = open_database("postgresql://user:hunter2@127.0.0.1:1/db")
    with pytest.raises(DatabaseError) as caught, read_session(engine) as session:
        session.execute(text("SELECT 1"))
    assert "hunter2" not in str(caught.value)
    assert "***" in str(caught.value)


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/a/b/worklist.db")
    upgrade_schema(engine)
    engine.dispose()
    assert (tmp_path / "a/b/worklist.db").is_file()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError, match="cannot be made: Not a directory"):
        open_database(f"sqlite:///{tmp_path}/file/sub/worklist.db")


@pytest.mark.parametrize("url", ["postgresql://h/d", "postgres://h/d", "postgresql+psycopg2://h/d"])
def test_any_postgresql_url_means_psycopg_3(url: str) -> None:
    engine = open_database(url)
    assert engine.dialect.driver == "psycopg"


def test_sqlite_is_opened_for_several_processes_and_for_power_cuts(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with read_session(engine) as session:
        pragmas = {
            name: session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 15_000,
    }
    engine.dispose()


def begin_a_job(session: Session) -> None:
    session.execute(
        text(
            "INSERT INTO job_run (job, due, status, started_at) "
            "VALUES ('reprocess', '1', 'RUNNING', '2026-01-01 00:00:00')"
        )
    )


def count_jobs(engine: Engine) -> int | None:
    with read_session(engine) as session:
        return session.scalar(text("SELECT count(*) FROM job_run"))


def test_a_session_that_fails_writes_nothing(engine: Engine) -> None:
    def fail() -> None:
        with write_session(engine) as session:
            begin_a_job(session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert count_jobs(engine) == 0


def test_a_fault_of_the_program_is_not_dressed_up(site: Site) -> None:
    site.receive(make_instance())
    with pytest.raises(IntegrityError), write_session(site.engine) as session:
        session.execute(text("UPDATE instance SET study_id = -1"))


def assert_refused(url: str, message: str) -> None:
    engine = open_database(url)
    with pytest.raises(DatabaseError, match=message), read_session(engine) as session:
        read_worklist(session)
    engine.dispose()


def test_missing_tables_name_the_mend(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with (
        pytest.raises(DatabaseError, match="run `pneumoscreen db upgrade`"),
        read_session(engine) as session,
    ):
        read_worklist(session)
    engine.dispose()


@pytest.mark.postgres
def test_missing_tables_name_the_mend_on_postgresql(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    with (
        pytest.raises(DatabaseError, match="run `pneumoscreen db upgrade`"),
        read_session(engine) as session,
    ):
        read_worklist(session)
    engine.dispose()


def assert_unavailable(engine: Engine, message: str) -> None:
    with (
        pytest.raises(DatabaseUnavailableError, match=message) as caught,
        write_session(engine) as session,
    ):
        session.execute(text("UPDATE instance SET attempts = 1"))
    assert "\n" not in str(caught.value)
    engine.dispose()


def test_a_server_that_is_away_may_come_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert_unavailable(open_database(f"postgresql://u@127.0.0.1:{port}/d"), "does not answer")


def test_a_database_locked_by_a_backup_is_waited_for_then_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    upgrade_schema(open_database(url))
    backup = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    backup.execute("BEGIN EXCLUSIVE")
    assert_unavailable(open_database(url, lock_wait_s=0.05), "another program holds it locked")
    backup.close()


@pytest.mark.postgres
def test_a_locked_table_on_postgresql_is_waited_for_then_named(postgres_url: str) -> None:
    holder = open_database(postgres_url)
    upgrade_schema(holder)
    with write_session(holder) as session:
        session.execute(text("LOCK TABLE instance IN EXCLUSIVE MODE"))
        assert_unavailable(open_database(postgres_url, lock_wait_s=0.05), "holds it locked")
    holder.dispose()


@pytest.mark.postgres
def test_a_read_only_server_may_be_made_writable(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    upgrade_schema(engine)
    engine.dispose()
    assert_unavailable(
        open_database(f"{postgres_url}?options=-cdefault_transaction_read_only%3Don"),
        "it is read-only",
    )


@pytest.mark.postgres
def test_a_connection_that_the_server_cut_is_replaced(postgres_url: str) -> None:
    engine, other = open_database(postgres_url), open_database(postgres_url)
    upgrade_schema(engine)
    with write_session(engine) as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    with write_session(other) as session:
        session.execute(text(f"SELECT pg_terminate_backend({pid})"))
    with write_session(engine) as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) != pid
    engine.dispose()
    other.dispose()


@pytest.mark.postgres
def test_a_connection_cut_in_a_transaction_leaves_nothing(postgres_url: str) -> None:
    engine, other = open_database(postgres_url), open_database(postgres_url)
    upgrade_schema(engine)

    def be_cut_off() -> None:
        with write_session(engine) as session:
            begin_a_job(session)
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            with write_session(other) as killer:
                killer.execute(text(f"SELECT pg_terminate_backend({pid})"))
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailableError, match="does not answer"):
        be_cut_off()
    assert count_jobs(engine) == 0
    engine.dispose()
    other.dispose()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"%PDF-1.7 " * 1000)
    engine = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    with (
        pytest.raises(DatabaseError, match="not an intact SQLite database"),
        read_session(engine) as session,
    ):
        read_worklist(session)
    engine.dispose()


def test_a_directory_in_the_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").mkdir()
    assert_unavailable(open_database(f"sqlite:///{tmp_path / 'a.db'}"), "cannot be opened")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from db.connection.engine import open_database, read_session, write_session
from db.connection.errors import DatabaseUnavailableError
from sqlalchemy import text
engine = open_database(sys.argv[1])
with write_session(engine) as session:
    session.execute(text("INSERT INTO model_release VALUES (1, 'a', 'b', 'c', 1, 'd', NULL)"))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
full = max(p.stat().st_size for p in Path(sys.argv[2]).iterdir()) + 8192
resource.setrlimit(resource.RLIMIT_FSIZE, (full, full))
try:
    with write_session(engine) as session:
        session.execute(text("UPDATE model_release SET description = :d"), {"d": "x" * 10**6})
except DatabaseUnavailableError as error:
    print(error)
with read_session(engine) as session:
    print(session.scalar(text("SELECT description FROM model_release")))
"""


def test_a_full_disk_is_named_and_nothing_is_half_written(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk's end."""
    folder = tmp_path / "data"
    url = f"sqlite:///{folder / 'a.db'}"
    engine = open_database(url)
    upgrade_schema(engine)
    engine.dispose()
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, url, folder],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    message, description = run.stdout.splitlines()
    assert "free space" in message
    assert description == "d"


def test_a_read_only_file_is_named(tmp_path: Path) -> None:
    """The pragma stands in for the file's mode, which does not bind root."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    engine = open_database(url)
    upgrade_schema(engine)
    engine.dispose()
    event.listen(engine, "connect", lambda c, _: c.execute("PRAGMA query_only = ON"))
    assert_unavailable(engine, "it is read-only")

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db.connection.engine import open_database as open_engine
from db.connection.errors import DatabaseError
from db.upkeep.upgrade import check_schema
from worker.clock import AnchoredClock
from worker.database import anchor_clock, open_database


def test_an_empty_sqlite_file_gets_its_tables(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'new' / 'worklist.db'}") as database:
        check_schema(database.engine)
        assert abs(database.clock.now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_schema_of_another_version_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'worklist.db'}"
    with open_database(url) as database, database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'r9999'")
    with pytest.raises(DatabaseError), open_database(url):
        pass


def test_a_wall_clock_that_is_set_while_the_database_is_open_moves_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Moved(datetime):
        @classmethod
        def now(cls, _tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=1)

    engine = open_engine(f"sqlite:///{tmp_path / 'worklist.db'}")
    clock = anchor_clock(engine)
    assert isinstance(clock, AnchoredClock)
    monkeypatch.setattr("worker.clock.datetime", Moved)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    engine.dispose()

"""The short way to the worklist says what the long one says, or leaves it to that one."""

from datetime import date, time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from db.connection.engine import open_database, write_connection
from db.upkeep.upgrade import upgrade_schema
from db.worklist.plain_view import read_plain_worklist
from db.worklist.view import read_worklist
from pipeline.codes import Flag, Priority, ReasonCode
from tests.db.site import GREY, NEGATIVE, POSITIVE, Site, make_instance


def test_both_ways_give_the_same_entries(site: Site, engine: Engine) -> None:
    site.receive(
        make_instance(
            "a",
            study="a",
            accession_number="A-1",
            patient_age_years=2.5,
            study_date=date(2026, 3, 1),
            study_time=time(7, 59, 58, 250_000),
            requested_procedure_priority=Priority.HIGH,
            flags=frozenset({Flag.VIEW_UNKNOWN, Flag.AGE_UNKNOWN}),
        )
    )
    site.receive(make_instance("lateral", study="b"), reason=ReasonCode.VIEW_NOT_FRONTAL)
    for name, probability in {"c": GREY, "d": POSITIVE, "e": NEGATIVE}.items():
        site.receive(make_instance(name, study=name))
        site.screen_all(probability)
    with site.reading() as session:
        entries = read_worklist(session)
    assert len(entries) == 5
    url = engine.url.render_as_string(hide_password=False)
    assert read_plain_worklist(url, limit=10) == entries
    assert read_plain_worklist(url, limit=2) == entries[:2]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user@127.0.0.1:1/name",
        "postgresql+psycopg://user@127.0.0.1:1/name?connect_timeout=1",
        "sqlite:////absent/worklist.db",
        "sqlite://",
        "nothing",
    ],
)
def test_another_or_no_database_is_left_to_the_long_way(url: str) -> None:
    assert read_plain_worklist(url, limit=1) is None


def test_later_schema_is_left_to_the_long_way(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    assert read_plain_worklist(url, limit=1) == []
    with write_connection(engine) as connection:
        (revision,) = connection.execute(text("SELECT version_num FROM alembic_version")).one()
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        assert read_plain_worklist(url, limit=1) is None
    finally:
        with write_connection(engine) as connection:
            connection.execute(
                text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
            )


def test_odd_file_names_are_read_or_left_to_the_long_way(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'what is this?.db'}"
    assert read_plain_worklist(url, limit=1) is None  # a question mark may begin options
    url = f"sqlite:///{tmp_path / 'a #1 file.db'}"
    engine = open_database(url)
    upgrade_schema(engine)
    assert read_plain_worklist(url, limit=1) == []
    engine.dispose()

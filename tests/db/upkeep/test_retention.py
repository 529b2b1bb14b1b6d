import gzip
import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from db.connection.errors import DatabaseError
from db.tables.audit import EventRow
from db.upkeep.retention import archive_events
from tests.db.site import NEGATIVE, Site, make_instance


def _count(site: Site) -> int | None:
    with site.reading() as session:
        return session.scalar(select(func.count()).select_from(EventRow))


def test_old_events_move_to_a_file_and_new_ones_stay(site: Site, tmp_path: Path) -> None:
    site.receive(make_instance("old", study="old"))
    site.screen_all(NEGATIVE)
    site.wait(86_400)
    site.receive(make_instance("new", study="new"))
    assert archive_events(site.engine, site.now, tmp_path / "archive", batch=2) == 3
    assert _count(site) == 1
    files = {int(path.name.split("-")[1]): path for path in (tmp_path / "archive").iterdir()}
    lines = [
        json.loads(line)
        for _, path in sorted(files.items())  # by their first event's number, not as text
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert [line["kind"] for line in lines] == ["REGISTERED", "CLAIMED", "SCREENED"]
    assert {line["study_instance_uid"] for line in lines} == {"1.2.1.old"}
    assert archive_events(site.engine, site.now, tmp_path / "archive") == 0


def test_events_stay_where_the_archive_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "archive").touch()
    site.receive(make_instance())
    site.wait(60)
    with pytest.raises(DatabaseError, match="cannot be written"):
        archive_events(site.engine, site.now, tmp_path / "archive")
    assert _count(site) == 1

from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine

from db.connection.engine import read_session
from db.worklist.view import read_worklist
from tests.worker.images import write_png
from worker.database import Database, anchor_clock
from worker.inbox.registrar import Registrar
from worker.inbox.watch import watching
from worker.inbox.watcher import Scan
from worker.readers.pool import ReaderPool
from worker.settings import Settings, SettingsError, SourcePolicy


def watch(
    engine: Engine,
    readers: ReaderPool,
    inboxes: list[Path],
    settings: Settings,
    is_enough: Callable[[list[Scan]], bool],
) -> list[Scan]:
    """Watch until the scans are enough, or for a minute; give them."""
    stop, scans = Event(), list[Scan]()
    database = Database(engine, anchor_clock(engine))

    def on_scan(scan: Scan) -> None:
        scans.append(scan)
        if is_enough(scans):
            stop.set()

    registrar = Registrar(engine, readers, database.clock)
    with watching(
        inboxes, registrar, settings=settings, database=database, stop=stop, on_scan=on_scan
    ):
        stop.wait(60)
    return scans


def two_are_registered(scans: list[Scan]) -> bool:
    return sum(scan.registered for scan in scans) >= 2


def test_several_inboxes_are_watched_and_one_that_is_away_stops_no_other(
    engine: Engine, readers: ReaderPool, tmp_path: Path
) -> None:
    inboxes = [tmp_path / name for name in ("a", "b")]
    for number, inbox in enumerate(inboxes):
        inbox.mkdir()
        write_png(inbox / "image.png", number / 2, seed=number)
    settings = Settings(settle_s=0.1, scan_interval_s=0.1, least_free_mib=0)
    watch(engine, readers, [tmp_path / "away", *inboxes], settings, two_are_registered)
    with read_session(engine) as session:
        assert len(read_worklist(session)) == 2


def test_nothing_is_taken_in_when_there_is_no_room_for_the_database(
    engine: Engine, readers: ReaderPool, tmp_path: Path
) -> None:
    (tmp_path / "inbox").mkdir()
    write_png(tmp_path / "inbox" / "image.png", 0.5)
    settings = Settings(settle_s=0, scan_interval_s=0.1, least_free_mib=1 << 40)
    scans = watch(engine, readers, [tmp_path / "inbox"], settings, lambda scans: len(scans) >= 5)
    assert len(scans) >= 5
    assert set(scans) == {Scan(0, 0, 0, 0, 0)}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(source_policy=SourcePolicy.ARCHIVE),
        Settings(archive=Path("/archive")),
    ],
)
def test_a_policy_without_its_archive_is_refused(
    engine: Engine, readers: ReaderPool, tmp_path: Path, settings: Settings
) -> None:
    with pytest.raises(SettingsError, match="need each other"):
        watch(engine, readers, [tmp_path], settings, two_are_registered)

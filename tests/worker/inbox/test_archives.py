import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from db.connection.engine import read_session
from db.tables.imaging import InstanceRow, SourceFileRow
from db.worklist.view import read_worklist
from pipeline.codes import InstanceState, ReasonCode
from tests.worker.fakes import FakeClock
from tests.worker.images import write_png
from tests.worker.walk import Walk
from worker.inbox.archives import ArchiveLimits
from worker.inbox.folders import list_paths
from worker.inbox.registrar import Registrar, Registration
from worker.inbox.unpacking_registrar import UnpackingRegistrar
from worker.readers.pool import ReaderPool

LIMITS = ArchiveLimits(files=10, unpacked_bytes=1 << 20)


@pytest.fixture
def walk(engine: Engine, readers: ReaderPool, clock: FakeClock, tmp_path: Path) -> Walk:
    return Walk(engine, readers, clock, tmp_path)


def scan(walk: Walk) -> Registration:
    registrar = Registrar(walk.engine, walk.readers, walk.clock)
    unpacking = UnpackingRegistrar(registrar, walk.readers, walk.engine, walk.clock, LIMITS)
    return unpacking.register(list_paths([walk.inbox]))


def rows(walk: Walk) -> list[tuple[InstanceState, ReasonCode | None]]:
    with read_session(walk.engine) as session:
        found = session.scalars(select(InstanceRow).order_by(InstanceRow.instance_id))
        return [(row.state, row.reason_code) for row in found]


def pack(walk: Walk, *names: str) -> Path:
    archive = walk.inbox / "study.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for number, name in enumerate(names):
            content = write_png(walk.folder / "image.png", number / 9, seed=number).read_bytes()
            packed.writestr(name, b"{}" if name.endswith(".json") else content)
    return archive


def test_the_files_of_an_archive_are_screened_like_any_others(walk: Walk) -> None:
    pack(walk, "a/one.png", "two", "../../three.png", "/etc/four.png")
    assert scan(walk).files == 1
    assert scan(walk).files == 4
    walk.work_off()
    assert rows(walk) == [(InstanceState.SCREENED, None)] * 4
    with read_session(walk.engine) as session:
        archives = session.scalars(
            select(SourceFileRow.reason_code).where(SourceFileRow.instance_id.is_(None))
        ).all()
        assert archives == [ReasonCode.ARCHIVE_UNPACKED]
        assert len(read_worklist(session)) == 4  # the archive itself is no study
    assert scan(walk).files == 0


def test_no_name_of_an_archive_is_used(walk: Walk) -> None:
    pack(walk, "Doe^Jane/../../x.png", "Doe^Jane.PNG", "Doe^Jane.exe", "Doe^Jane.part")
    scan(walk)
    (folder,) = (path for path in walk.inbox.iterdir() if path.is_dir())
    assert sorted(path.suffix for path in folder.iterdir()) == ["", "", ".png", ".png"]
    assert all(path.stem.isdigit() for path in folder.iterdir())
    assert sorted(path.name for path in walk.folder.iterdir() if path.is_dir()) == [
        "inbox",
        "release",
    ]


def test_an_image_keeps_its_sidecar(walk: Walk) -> None:
    pack(walk, "x/one.png", "x/one.json", "x/two.png")
    scan(walk)
    (folder,) = (path for path in walk.inbox.iterdir() if path.is_dir())
    assert sorted(path.name for path in folder.iterdir()) == ["0.json", "0.png", "1.png"]


def too_many(walk: Walk) -> None:
    pack(walk, *(f"{number}.png" for number in range(11)))


def bomb(walk: Walk) -> None:
    with zipfile.ZipFile(walk.inbox / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(2 << 20))


def truncated(walk: Walk) -> None:
    archive = pack(walk, "one.png", "two.png")
    archive.write_bytes(archive.read_bytes()[:-40])


@pytest.mark.parametrize(
    ("make", "reason_code"),
    [
        (too_many, ReasonCode.TOO_LARGE),
        (bomb, ReasonCode.TOO_LARGE),
        (truncated, ReasonCode.NOT_AN_IMAGE),
    ],
)
def test_an_archive_that_is_too_much_or_damaged_is_quarantined_whole(
    walk: Walk, make: Callable[[Walk], None], reason_code: ReasonCode
) -> None:
    make(walk)
    scan(walk)
    assert rows(walk) == [(InstanceState.QUARANTINED, reason_code)]
    assert not [path for path in walk.inbox.rglob("*") if path.is_file() and path.suffix != ".zip"]


def test_an_archive_within_an_archive_is_not_unpacked(walk: Walk) -> None:
    inner = pack(walk, "one.png")
    inner.rename(walk.folder / "inner.zip")
    with zipfile.ZipFile(walk.inbox / "outer.zip", "w") as packed:
        packed.write(walk.folder / "inner.zip", "inner.zip")
    for _ in range(3):
        scan(walk)
    assert rows(walk) == [(InstanceState.QUARANTINED, ReasonCode.NOT_AN_IMAGE)]


def test_what_cannot_be_unpacked_now_is_tried_again(walk: Walk) -> None:
    if os.geteuid() == 0:
        # Root may write anywhere: a file in the folder's place stops it as well.
        pack(walk, "one.png")
        scan(walk)
        (folder,) = (path for path in walk.inbox.iterdir() if path.is_dir())
        (folder / "0.png").unlink()
        folder.rmdir()
        (walk.inbox / "study.zip").touch()
        folder.touch()
    else:
        pack(walk, "one.png")
        walk.inbox.chmod(0o555)
    assert len(scan(walk).unreadable) == 1
    with read_session(walk.engine) as session:
        reasons = {row.reason_code for row in session.scalars(select(SourceFileRow))}
    assert ReasonCode.SOURCE_UNREADABLE in reasons
    walk.inbox.chmod(0o755)
    if os.geteuid() == 0:
        folder.unlink()
    assert len(scan(walk).unreadable) == 0

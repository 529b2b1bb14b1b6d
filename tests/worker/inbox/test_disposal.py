import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

import worker.inbox.disposal
from db.connection.engine import read_session
from db.instances.arrivals import SourceFile
from db.tables.imaging import InstanceRow, SourceFileRow
from db.work.claims import find_paths
from pipeline.codes import InstanceState
from tests.worker.fakes import FakeClock
from tests.worker.images import write_png
from tests.worker.walk import Walk
from worker.inbox.disposal import SourceFileDisposal
from worker.inbox.folders import list_paths
from worker.readers.pool import ReaderPool
from worker.settings import SourcePolicy


@pytest.fixture
def walk(engine: Engine, readers: ReaderPool, clock: FakeClock, tmp_path: Path) -> Walk:
    """Two images that are screened, one file that is quarantined."""
    walk = Walk(engine, readers, clock, tmp_path)
    for number in range(2):
        write_png(walk.inbox / f"{number}.png", number / 2, seed=number)
    (walk.inbox / "text.dcm").write_text("not an image")
    walk.register()
    return walk


def sources(walk: Walk) -> list[SourceFile]:
    return [entry.source for entry in list_paths([walk.inbox])]


def disposal(walk: Walk, policy: SourcePolicy = SourcePolicy.ARCHIVE) -> SourceFileDisposal:
    archive = walk.folder / "archive" if policy is SourcePolicy.ARCHIVE else None
    return SourceFileDisposal(policy, archive, walk.engine, walk.clock)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("policy", [SourcePolicy.ARCHIVE, SourcePolicy.DELETE])
def test_nothing_is_touched_before_its_result_is_committed(
    walk: Walk, policy: SourcePolicy
) -> None:
    assert disposal(walk, policy).dispose(sources(walk)) == 0
    assert names(walk.inbox) == ["0.png", "1.png", "text.dcm"]


def test_what_is_kept_is_not_touched_afterwards_either(walk: Walk) -> None:
    walk.work_off()
    assert disposal(walk, SourcePolicy.KEEP).dispose(sources(walk)) == 0
    assert names(walk.inbox) == ["0.png", "1.png", "text.dcm"]


def test_what_is_deleted_is_gone_but_a_quarantined_file_stays_to_be_seen(walk: Walk) -> None:
    walk.work_off()
    assert disposal(walk, SourcePolicy.DELETE).dispose(sources(walk)) == 2
    assert names(walk.inbox) == ["text.dcm"]


def test_an_archived_file_lies_by_date_under_its_digest_and_is_found_there(walk: Walk) -> None:
    walk.work_off()
    (walk.inbox / "0.json").write_text("{}")
    digests = {
        hashlib.sha256((walk.inbox / name).read_bytes()).hexdigest() for name in ("0.png", "1.png")
    }
    assert disposal(walk).dispose(sources(walk)) == 2
    assert names(walk.inbox) == ["text.dcm"]
    day = walk.folder / "archive" / "2026" / "01" / "01"
    archived = {path for path in day.iterdir() if path.suffix != ".json"}
    assert {path.name for path in archived} == digests
    assert len(list(day.glob("*.json"))) == 1
    with read_session(walk.engine) as session:
        screened = select(InstanceRow.instance_id).where(
            InstanceRow.state == InstanceState.SCREENED
        )
        paths = find_paths(session, list(session.scalars(screened)))
    assert set(paths.values()) == {os.fsencode(path) for path in archived}


def test_a_second_file_of_the_same_content_leads_to_the_archive_too(walk: Walk) -> None:
    walk.work_off()
    content = (walk.inbox / "0.png").read_bytes()
    assert disposal(walk).dispose(sources(walk)) == 2
    (walk.inbox / "again.png").write_bytes(content)
    walk.register()
    walk.clock.elapsed_s += 1
    assert disposal(walk).dispose(sources(walk)) == 1
    with read_session(walk.engine) as session:
        row = session.scalars(
            select(InstanceRow).where(InstanceRow.sha256 == hashlib.sha256(content).hexdigest())
        ).one()
        assert b"/archive/" in find_paths(session, [row.instance_id])[row.instance_id]


def rewrite(path: Path) -> None:
    path.write_bytes(b"another content, of another length")


@pytest.mark.parametrize("change", [rewrite, Path.unlink])
def test_a_file_that_changed_since_is_not_touched(
    walk: Walk, change: Callable[[Path], object]
) -> None:
    walk.work_off()
    seen = sources(walk)
    change(walk.inbox / "0.png")
    before = names(walk.inbox)
    assert disposal(walk, SourcePolicy.DELETE).dispose(seen) == 1
    assert names(walk.inbox) == [name for name in before if name != "1.png"]


def test_a_crash_between_copy_and_removal_is_made_good(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk.work_off()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(worker.inbox.disposal, "_remove", crash)
        with pytest.raises(KeyboardInterrupt):
            disposal(walk).dispose(sources(walk))
    walk.register()
    assert disposal(walk).dispose(sources(walk)) == 2
    assert names(walk.inbox) == ["text.dcm"]
    with read_session(walk.engine) as session:
        assert len(session.scalars(select(InstanceRow)).all()) == 3
        assert session.scalars(select(SourceFileRow.path)).all()


def test_a_file_on_another_file_system_is_copied_whole(
    walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk.work_off()
    content = (walk.inbox / "0.png").read_bytes()

    def other_device(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_device)
    assert disposal(walk).dispose(sources(walk)) == 2
    archived = walk.folder / "archive" / "2026/01/01" / hashlib.sha256(content).hexdigest()
    assert archived.read_bytes() == content
    assert not list(archived.parent.glob(".*"))


def test_files_that_stay_stand_in_no_ones_way(walk: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.inbox.disposal, "_FILES_AT_ONCE", 1)
    walk.work_off()
    disposing = disposal(walk, SourcePolicy.DELETE)
    for _ in range(3):
        disposing.dispose(sources(walk))
    assert names(walk.inbox) == ["text.dcm"]


def test_an_inode_that_is_taken_over_by_another_file_is_left(walk: Walk) -> None:
    source = sources(walk)[0]
    path = Path(os.fsdecode(source.path))
    worker.inbox.disposal._remove(path, replace(source, inode=source.inode + 1))
    assert path.exists()

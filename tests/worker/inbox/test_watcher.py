import os
from pathlib import Path
from threading import Event

import pytest

from tests.worker.fakes import FakeClock, FakeRegistrar
from worker.inbox.folders import FolderError
from worker.inbox.watcher import Scan, Watcher


class Scene:
    def __init__(self, inbox: Path) -> None:
        inbox.mkdir()
        self.inbox = inbox
        self.clock = FakeClock()
        self.registrar = FakeRegistrar()
        self.changed = Event()
        self.watcher = self.watching(scan_interval_s=2)

    def watching(self, scan_interval_s: float) -> Watcher:
        return Watcher(
            self.inbox,
            self.registrar,
            self.clock,
            settle_s=5,
            scan_interval_s=scan_interval_s,
            changed=self.changed,
        )

    def scans(self, count: int) -> list[Scan]:
        """Run until so many scans have been made, two seconds apart."""
        stop = Event()
        seen: list[Scan] = []

        def on_scan(scan: Scan) -> None:
            seen.append(scan)
            if len(seen) == count:
                stop.set()

        self.watcher.run(stop, on_scan)
        self.clock.elapsed_s += 2
        return seen

    def names(self) -> list[str]:
        return [os.path.basename(os.fsdecode(path)) for path in self.registrar.registered]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "inbox")


def test_a_file_is_registered_once_and_only_when_stable(scene: Scene) -> None:
    (scene.inbox / "a.dcm").write_bytes(b"x")
    assert [scan.registered for scan in scene.scans(3)] == [0, 0, 0]
    assert [scan.registered for scan in scene.scans(3)] == [1, 0, 0]
    assert scene.names() == ["a.dcm"]


def test_handles_a_slow_write(scene: Scene) -> None:
    with (scene.inbox / "slow.dcm").open("ab") as file:
        for _ in range(10):
            file.write(b"x" * 1024)
            file.flush()
            assert scene.scans(1)[0].settling == 1
    scene.scans(4)
    assert scene.names() == ["slow.dcm"]


def test_a_file_renamed_from_part_is_registered_under_its_final_name(scene: Scene) -> None:
    (scene.inbox / "a.dcm.part").write_bytes(b"x")
    assert scene.scans(5)[-1].unfinished == 1
    (scene.inbox / "a.dcm.part").rename(scene.inbox / "a.dcm")
    scene.scans(5)
    assert scene.names() == ["a.dcm"]


def test_a_file_rewritten_in_place_is_registered_again(scene: Scene) -> None:
    (scene.inbox / "a.dcm").write_bytes(b"x")
    scene.scans(5)
    (scene.inbox / "a.dcm").write_bytes(b"other")
    scene.scans(5)
    assert scene.names() == ["a.dcm", "a.dcm"]


def test_a_file_that_cannot_be_read_is_tried_again(scene: Scene) -> None:
    (scene.inbox / "a.dcm").write_bytes(b"x")
    scene.registrar.unreadable.add(os.fsencode(scene.inbox / "a.dcm"))
    scene.scans(20)
    assert scene.names() == ["a.dcm"]
    scene.scans(20)
    assert scene.names() == ["a.dcm", "a.dcm"]


def test_a_jump_of_the_wall_clock_settles_nothing_early(scene: Scene) -> None:
    (scene.inbox / "a.dcm").write_bytes(b"x")
    scene.scans(1)
    scene.clock.wall_jump += scene.clock.wall_jump.resolution * 86_400_000_000
    assert scene.scans(1)[0].registered == 0


def test_an_inbox_that_disappears_is_waited_for(scene: Scene) -> None:
    (scene.inbox / "a.dcm").write_bytes(b"x")
    scene.scans(5)
    scene.inbox.rename(scene.inbox.with_name("away"))
    with pytest.raises(FolderError):
        scene.watcher.scan()
    assert scene.scans(2) == [Scan(0, 0, 0, 0, 0)] * 2
    scene.inbox.with_name("away").rename(scene.inbox)
    (scene.inbox / "b.dcm").write_bytes(b"x")
    scene.scans(5)
    assert "b.dcm" in scene.names()


def scan_times_s(scene: Scene, count: int, scan_interval_s: float) -> list[float]:
    """Scan so many times, with a file dropped and announced after the first; give the times."""
    stop = Event()
    times_s: list[float] = []

    def on_scan(_scan: Scan) -> None:
        times_s.append(scene.clock.elapsed_s)
        if len(times_s) == 1:
            (scene.inbox / "a.dcm").write_bytes(b"x")
            scene.changed.set()
        if len(times_s) == count:
            stop.set()

    scene.watching(scan_interval_s).run(stop, on_scan)
    return times_s


def test_a_change_brings_the_next_scan_forward_and_settling_the_one_after(scene: Scene) -> None:
    first, seen, settled, regular = scan_times_s(scene, 4, scan_interval_s=600)
    assert seen - first == pytest.approx(0.25)
    assert settled - seen == pytest.approx(5, abs=0.01)
    assert regular - settled == pytest.approx(600)
    assert scene.names() == ["a.dcm"]


def test_without_events_files_are_found_by_the_regular_rescan(scene: Scene) -> None:
    scene.changed.set = lambda: None  # type: ignore[method-assign]  # a notifier that says nothing
    first, seen, settled = scan_times_s(scene, 3, scan_interval_s=600)
    assert (seen - first, settled - seen) == (pytest.approx(600), pytest.approx(5, abs=0.01))
    assert scene.names() == ["a.dcm"]


def test_scans_that_events_bring_forward_take_a_tenth_of_the_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow_listing(*_: object) -> list[object]:
        scene.clock.elapsed_s += 10
        scene.changed.set()
        return []

    monkeypatch.setattr("worker.inbox.watcher.list_paths", slow_listing)
    stop, times_s = Event(), list[float]()

    def on_scan(_scan: Scan) -> None:
        times_s.append(scene.clock.elapsed_s)
        if len(times_s) == 3:
            stop.set()

    scene.watching(scan_interval_s=600).run(stop, on_scan)
    assert times_s[2] - times_s[1] == pytest.approx(100, abs=0.1)

from pathlib import Path

import pytest

from worker.inbox.disk_guard import DiskGuard, free_bytes


def test_the_guard_lets_work_in_again_when_there_is_room(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    free = iter([99 << 20, 101 << 20])
    guard = DiskGuard([tmp_path], 100 << 20, lambda _folder: next(free))
    assert not guard.has_room()
    assert "disk_almost_full" in (output := "".join(capsys.readouterr()))
    assert "100 MiB" in output
    assert guard.has_room()


def test_free_room_is_what_this_user_may_write(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

import worker.inbox.file_events
from tests.waiting import wait_until
from worker.inbox.file_events import follow_events


@contextlib.contextmanager
def following(inbox: Path, retry_s: float = 0.1) -> Iterator[Event]:
    """Follow an inbox in a thread; give the event that a change sets."""
    changed, stop = Event(), Event()
    thread = Thread(target=follow_events, args=(inbox, changed, stop), kwargs={"retry_s": retry_s})
    thread.start()
    try:
        yield changed
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def touch_until_noticed(changed: Event, touch: Callable[[int], object]) -> None:
    """Do something again and again: the notifier needs a moment to begin."""
    numbers = count()

    def is_noticed() -> bool:
        touch(next(numbers))
        return changed.wait(0.1)

    wait_until(is_noticed, 60, "the notifier notices")


def touch_and_be_noticed_again(changed: Event, touch: Callable[[int], object]) -> None:
    """Likewise three times over: the first events or two may be of what was before."""
    for round_number in range(3):
        changed.clear()
        touch_until_noticed(changed, lambda number: touch(1000 * round_number + number))  # noqa: B023


def test_a_new_file_in_a_new_folder_is_a_change(tmp_path: Path) -> None:
    def drop(number: int) -> None:
        (tmp_path / f"study-{number}").mkdir()
        (tmp_path / f"study-{number}" / "image.png").write_bytes(b"x")

    with following(tmp_path) as changed:
        touch_until_noticed(changed, drop)


def test_names_that_are_no_text_do_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.inbox.file_events, "_PAUSE_AFTER_NO_TEXT_S", 0.1)
    with capture_logs() as logs, following(tmp_path, retry_s=3600) as changed:
        touch_until_noticed(
            changed, lambda number: (tmp_path / os.fsdecode(b"\xff\xfe-%d.png" % number)).touch()
        )
        touch_and_be_noticed_again(changed, lambda number: (tmp_path / f"{number}.png").touch())
    assert logs == []


def test_an_inbox_that_goes_and_comes_back_is_followed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.inbox.file_events, "_CHECK_MS", 100)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with capture_logs() as logs, following(inbox) as changed:
        touch_until_noticed(changed, lambda number: (inbox / str(number)).touch())
        shutil.rmtree(inbox)
        # Until then it would take a new folder, which may get the old one's inode, for the old.
        wait_until(lambda: logs, 60, "it is missed")
        inbox.mkdir()
        touch_and_be_noticed_again(changed, lambda number: (inbox / str(number)).touch())
    assert {entry["event"] for entry in logs} == {"file_events_unavailable"}


def test_where_events_do_not_fire_none_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.inbox.file_events, "find_remote_type", lambda _folder: "nfs4")
    with capture_logs() as logs:
        follow_events(tmp_path, Event(), Event())
    assert logs == [
        {
            "event": "file_events_off",
            "log_level": "info",
            "detail": "events do not fire on nfs4: rescans only",
        }
    ]


_WITHOUT_INOTIFY = """
import sys
from itertools import count
from pathlib import Path
from threading import Event
from worker.inbox.file_events import follow_events
class Once(Event):
    def wait(self, timeout=None):
        self.set()
        return True
changed = Event()
follow_events(Path(sys.argv[1]), changed, Once())
print("changed", changed.is_set())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a namespace with other limits")
def test_a_host_without_room_for_inotify_is_named_in_one_line(tmp_path: Path) -> None:
    limited = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"'
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh"),
            *(sys.executable, "-c", _WITHOUT_INOTIFY, str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    said, changed = done.stdout.splitlines()
    assert "raise fs.inotify.max_user_watches" in said
    assert str(tmp_path) not in said
    assert changed == "changed True"

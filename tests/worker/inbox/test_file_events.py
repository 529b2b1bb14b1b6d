import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

import worker.inbox.file_events
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
        thread.join(10)
        assert not thread.is_alive()


def touch_until_noticed(changed: Event, touch: Callable[[int], object]) -> bool:
    """Do something again and again: the notifier needs a moment to begin."""
    for number in range(50):
        touch(number)
        if changed.wait(0.2):
            return True
    return False


def test_a_new_file_in_a_new_folder_is_a_change(tmp_path: Path) -> None:
    def drop(number: int) -> None:
        (tmp_path / f"study-{number}").mkdir()
        (tmp_path / f"study-{number}" / "image.png").write_bytes(b"x")

    with following(tmp_path) as changed:
        assert touch_until_noticed(changed, drop)


def test_names_that_are_no_text_do_not_end_it(tmp_path: Path) -> None:
    with capture_logs() as logs, following(tmp_path, retry_s=60) as changed:
        for number in range(10):
            (tmp_path / os.fsdecode(b"\xff\xfe-%d.png" % number)).write_bytes(b"x")
            time.sleep(0.1)
        changed.clear()
        assert touch_until_noticed(changed, lambda number: (tmp_path / f"{number}.png").touch())
    assert logs == []


def test_an_inbox_that_goes_and_comes_back_is_followed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.inbox.file_events, "_CHECK_MS", 100)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with following(inbox) as changed:
        assert touch_until_noticed(changed, lambda number: (inbox / str(number)).touch())
        shutil.rmtree(inbox)
        time.sleep(0.5)
        inbox.mkdir()
        time.sleep(0.5)
        changed.clear()
        assert touch_until_noticed(changed, lambda number: (inbox / str(number)).touch())


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
        timeout=60,
    )
    said, changed = done.stdout.splitlines()
    assert "raise fs.inotify.max_user_watches" in said
    assert str(tmp_path) not in said
    assert changed == "changed True"

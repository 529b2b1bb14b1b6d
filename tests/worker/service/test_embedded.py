"""The embedded product as `pneumoscreen watch` composes it; only the network is a fake."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

import worker.inbox.watch
import worker.inbox.watcher
from db.connection.engine import read_session
from db.tables.audit import JobRunRow
from db.worklist.outcomes import count_by_state
from pipeline.codes import InstanceState
from tests.releases import write_test_release
from tests.worker.fakes import BrightnessClassifier
from tests.worker.images import write_png
from worker.database import open_database
from worker.inbox.folders import Entry
from worker.service.embedded import watch_embedded
from worker.settings import Settings

WAIT_S = 60.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{tmp_path / 'worklist.db'}",
        release=write_test_release(tmp_path / "release"),
        readers=1,
        settle_s=0.1,
        scan_interval_s=60,
        least_free_mib=0,
        polling_only=True,
        heartbeat=tmp_path / "alive",
    )


@pytest.fixture
def inboxes(tmp_path: Path) -> list[Path]:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    return folders


class Watching:
    """The product in a thread, until it is stopped."""

    def __init__(self, settings: Settings, inboxes: Sequence[Path]) -> None:
        self.settings, self.inboxes = settings, inboxes
        self.stop = Event()
        self.error: BaseException | None = None
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            watch_embedded(
                self.settings,
                self.inboxes,
                self.stop,
                lambda _scan: None,
                lambda _release: BrightnessClassifier(),
            )
        except BaseException as error:  # noqa: BLE001 - a test looks at it
            self.error = error

    def wait_for_screened(self, count: int) -> None:
        until_s = time.monotonic() + WAIT_S
        while self.screened() < count:
            assert self.error is None
            assert time.monotonic() < until_s
            time.sleep(0.05)

    def screened(self) -> int:
        with (
            open_database(self.settings.database_url) as database,
            read_session(database.engine) as session,
        ):
            return count_by_state(session)[InstanceState.SCREENED]

    def count_nights(self) -> int:
        with (
            open_database(self.settings.database_url) as database,
            read_session(database.engine) as session,
        ):
            return session.query(JobRunRow).where(JobRunRow.job == "reprocess").count()

    def end(self) -> float:
        """Stop, and give the seconds that took."""
        began_s = time.monotonic()
        self.stop.set()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        return time.monotonic() - began_s


def hang_over(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> Event:
    """Let the listing of an inbox block, as on a share that hangs, until an event is set."""
    listing = worker.inbox.watcher.list_paths
    mended = Event()

    def list_or_hang(paths: Sequence[Any]) -> Iterator[Entry]:
        if inbox in paths:
            mended.wait(2 * WAIT_S)
        return listing(paths)

    monkeypatch.setattr(worker.inbox.watcher, "list_paths", list_or_hang)
    return mended


def test_what_is_registered_is_screened_although_the_next_scan_is_a_minute_away(
    settings: Settings, inboxes: list[Path]
) -> None:
    write_png(inboxes[0] / "a.png", 0.9)
    watching = Watching(settings, inboxes)
    watching.wait_for_screened(1)
    assert watching.end() < 10
    assert watching.error is None
    assert settings.heartbeat is not None
    assert settings.heartbeat.exists()


def test_a_share_that_hangs_holds_up_no_other_inbox_no_job_and_no_stop(
    settings: Settings, inboxes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.inbox.watch, "_LONGEST_STOP_S", 0.5)
    mended = hang_over(inboxes[0], monkeypatch)
    write_png(inboxes[1] / "a.png", 0.9)
    with capture_logs() as logs:
        watching = Watching(settings, inboxes)
        watching.wait_for_screened(1)
        assert watching.count_nights() == 1
        assert watching.end() < 10
    mended.set()
    assert watching.error is None
    left_behind = [log["thread"] for log in logs if log["event"] == "thread_left_behind"]
    assert left_behind == [f"watch {inboxes[0]}"]


def test_an_error_in_a_watcher_ends_the_process(
    settings: Settings, inboxes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_paths: object) -> None:
        raise RuntimeError("a fault of this program")

    monkeypatch.setattr(worker.inbox.watcher, "list_paths", fail)
    watching = Watching(settings, inboxes)
    watching._thread.join(WAIT_S)
    assert isinstance(watching.error, RuntimeError)

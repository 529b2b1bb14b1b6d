from dataclasses import replace

from db.instances.arrivals import SourceFile
from worker.inbox.stability import StabilityTracker

FILE = SourceFile(b"/inbox/a", size=10, mtime_ns=1, inode=7)


def test_a_file_seen_once_is_not_stable_however_short_the_settle_time() -> None:
    tracker = StabilityTracker(settle_s=0)
    assert tracker.observe([FILE], 0.0) == []
    assert tracker.observe([FILE], 0.0) == [FILE]


def test_a_file_is_stable_once_unchanged_for_the_settle_time() -> None:
    tracker = StabilityTracker(settle_s=5)
    assert tracker.observe([FILE], 100.0) == []
    assert tracker.observe([FILE], 104.9) == []
    assert tracker.waiting == 1
    assert tracker.observe([FILE], 105.0) == [FILE]
    assert tracker.waiting == 0


def test_each_of_size_time_and_inode_starts_the_wait_anew() -> None:
    for changed in (replace(FILE, size=11), replace(FILE, mtime_ns=2), replace(FILE, inode=8)):
        tracker = StabilityTracker(settle_s=5)
        tracker.observe([FILE], 0.0)
        assert tracker.observe([changed], 6.0) == []
        assert tracker.observe([changed], 11.0) == [changed]


def test_a_slow_write_is_waited_for_as_long_as_it_takes() -> None:
    tracker = StabilityTracker(settle_s=5)
    for second in range(3600):
        assert tracker.observe([replace(FILE, size=second)], float(second)) == []
    assert tracker.observe([replace(FILE, size=3599)], 3604.0) == [replace(FILE, size=3599)]


def test_a_file_that_vanished_and_came_back_waits_anew() -> None:
    tracker = StabilityTracker(settle_s=5)
    tracker.observe([FILE], 0.0)
    tracker.observe([], 3.0)
    assert tracker.waiting == 0
    assert tracker.observe([FILE], 6.0) == []

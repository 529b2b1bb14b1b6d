"""The whole distributed product over real servers, with a fake network."""

import signal
import time

import pytest

from tests.service.stack import PNEUMOSCREEN, Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.postgres


def test_files_dropped_are_screened_by_workers_that_only_hints_woke(stack: Stack) -> None:
    stack.start_watcher()
    workers = [stack.start_worker(), stack.start_worker()]
    stack.drop(60)
    stack.wait_for_terminal(60, 120)
    assert stack.states() == {"SCREENED": 60}
    assert stack.count("SELECT count(*) FROM worklist_v1") == 60
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(60) for worker in workers] == [0, 0]


@pytest.mark.parametrize("polling_only", [False, True])
def test_events_find_a_file_long_before_the_next_walk_of_the_inbox(
    stack: Stack,
    polling_only: bool,  # noqa: FBT001
) -> None:
    walked = stack.folder / "alive"
    stack.start_watcher(scan_interval_s=600, polling_only=polling_only, heartbeat=walked)
    wait_until(walked.exists, 60, "the first walk")
    time.sleep(1)  # the notifier begins at the same time
    stack.drop(3)
    try:
        wait_until(lambda: stack.states() == {"REGISTERED": 3}, 10, "registered")
    except AssertionError:
        assert polling_only
    else:
        assert not polling_only


def test_what_nobody_hinted_at_is_found_by_the_sweeper(stack: Stack) -> None:
    stack.start_watcher(broker_url="redis://127.0.0.1:1/0")
    stack.start_worker()
    stack.drop(5)
    wait_until(lambda: stack.states() == {"REGISTERED": 5}, 90, "registered without a broker")
    sweep = stack.start((*PNEUMOSCREEN, "sweep"))
    assert sweep.wait(60) == 0
    stack.wait_for_terminal(5, 90)


def test_several_schedulers_and_no_worker_pile_up_no_hints(stack: Stack) -> None:
    stack.start_watcher()
    stack.start_beat()
    stack.start_beat()
    stack.drop(40)
    wait_until(lambda: stack.states() == {"REGISTERED": 40}, 90)
    wait_until(lambda: stack.count("SELECT count(*) FROM job_run") == 1, 90, "one nightly run")
    with stack.redis.client() as client:
        wait_until(lambda: client.llen("urgent") == 3, 60, "a hint a batch")
        assert client.llen("backfill") == 0


def test_a_worker_without_a_database_or_a_release_says_so_in_one_line(stack: Stack) -> None:
    settings = {"database_url": "postgresql://root@127.0.0.1:1/none"}
    worker = stack.start_worker(**settings)
    assert worker.wait(60) == 1
    assert stack.log_text().splitlines()[-1].startswith("Traceback") is False

"""The whole distributed product over real servers, with a fake network."""

import math
import signal
import time
from itertools import count

import pytest

from tests.service.stack import PNEUMOSCREEN, Stack
from tests.waiting import wait_until
from worker.service.processes import sweep_once
from worker.settings import Settings

pytestmark = pytest.mark.postgres


def test_dropped_files_are_screened_by_workers_that_wait_for_hints(stack: Stack) -> None:
    stack.start_watcher()
    workers = [stack.start_worker(), stack.start_worker()]
    stack.drop(60)
    stack.wait_for_terminal(60, 120)
    assert stack.states() == {"SCREENED": 60}
    assert stack.count("SELECT count(*) FROM worklist_v1") == 60
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(120) for worker in workers] == [0, 0]


@pytest.mark.parametrize("polling_only", [False, True])
def test_events_find_a_file_long_before_the_next_walk_of_the_inbox(
    stack: Stack,
    polling_only: bool,
) -> None:
    watcher = stack.start_watcher(scan_interval_s=600, polling_only=polling_only)
    stack.wait_for_heartbeat(watcher)  # the first walk is over
    numbers = count()

    def drop_and_look() -> bool:
        """Drop until it is noticed: the notifier may start after the first file was dropped."""
        stack.drop(1, start=next(numbers))
        return stack.states().get("REGISTERED", 0) >= 3

    if polling_only:
        stack.drop(3)
        time.sleep(3)  # ten times what it takes with events
        assert stack.states() == {}
    else:
        wait_until(drop_and_look, 90, "registered")


def test_the_sweeper_finds_rows_without_a_hint(stack: Stack) -> None:
    stack.start_watcher(broker_url="redis://127.0.0.1:1/0")
    stack.start_worker()
    stack.drop(5)
    wait_until(lambda: stack.states() == {"REGISTERED": 5}, 90, "registered without a broker")
    sweep = stack.start((*PNEUMOSCREEN, "sweep"))
    assert sweep.wait(120) == 0
    stack.wait_for_terminal(5, 90)


def test_several_schedulers_and_no_worker_pile_up_no_hints(stack: Stack) -> None:
    """A sender counts the waiting hints first, then sends those that are missing.

    Senders that count at the same time may each send one hint a batch. One that counts later sends
    none, however long no worker runs.
    """
    stack.start_watcher()
    beats = [stack.start_beat(sweep_interval_s=0.2) for _ in range(2)]
    stack.drop(40)
    wait_until(lambda: stack.states() == {"REGISTERED": 40}, 90)
    for beat in beats:
        stack.wait_for_heartbeat(beat)
    wait_until(
        lambda: stack.count("SELECT count(*) FROM job_run WHERE job = 'reprocess'") == 1,
        90,
        "one nightly run",
    )
    batches, senders = math.ceil(40 / 16), 1 + len(beats)
    with stack.redis.client() as client:
        wait_until(lambda: client.llen("urgent") >= batches, 90, "a hint a batch")
        settings = Settings(
            database_url=stack.database_url, broker_url=stack.redis.url, batch_size=16
        )
        assert [sweep_once(settings).hints_sent for _ in range(20)] == [0] * 20
        assert client.llen("urgent") <= senders * batches
        assert client.llen("backfill") == 0


def test_a_worker_without_a_database_or_a_release_says_so_in_one_line(stack: Stack) -> None:
    settings = {"database_url": "postgresql://root@127.0.0.1:1/none"}
    worker = stack.start_worker(**settings)
    assert worker.wait(120) == 1
    assert stack.log_text().splitlines()[-1].startswith("Traceback") is False

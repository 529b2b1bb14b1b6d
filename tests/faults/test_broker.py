"""Faults 2, 3 and 4: a broker that forgets, dies empty, or hangs."""

import contextlib
import shutil
import signal
import time

import pytest

from tests.faults.judge import (
    FULL,
    PROTECTED_AND_NOT,
    Ledger,
    digests_of,
    expected_results,
    judge,
    only_full,
)
from tests.service.stack import Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.postgres

NUMBER = 1_000 if FULL else 40
QUEUES = ("urgent", "backfill", "unacked", "unacked_index")


@PROTECTED_AND_NOT
def test_hints_deleted_before_they_are_acknowledged_are_sent_again(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    if protected:
        # It sweeps too seldom to be in the way while hints are being deleted.
        stack.start_beat(sweep_interval_s=5)
    manifest = digests_of(stack.drop(NUMBER))
    watcher = stack.start_watcher()
    wait_until(lambda: stack.count("SELECT count(*) FROM instance") == NUMBER, 180)
    stack.wait_for_whole_scan(watcher)  # it has hinted at the last of them, too
    with stack.redis.client() as client:
        deleted = client.llen("urgent")
        client.delete(*QUEUES)
    began_s = time.monotonic()
    stack.start_worker()
    with contextlib.suppress(AssertionError):
        stack.wait_for_terminal(NUMBER, 180 if protected else 25)
    found = judge(stack, manifest, expected_results(manifest))
    ledger.note(
        2,
        found,
        recovery_s=time.monotonic() - began_s if protected else None,
        note=f"{deleted} hints were all that the workers had been told",
        without="" if protected else "the sweeper",
    )
    assert found.is_clean == protected, found


@PROTECTED_AND_NOT
def test_a_redis_that_comes_back_empty_is_used_again_by_itself(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    stack.start_service(beat=protected)
    first = stack.drop(NUMBER // 2)
    stack.wait_for_terminal(len(first), 180)
    stack.redis.kill()
    shutil.rmtree(stack.redis.folder)
    manifest = digests_of([*first, *stack.drop(NUMBER // 2, start=NUMBER)])
    wait_until(lambda: stack.count("SELECT count(*) FROM instance") == len(manifest), 120)
    assert stack.terminal() == len(first)
    stack.redis.start()
    began_s = time.monotonic()
    with contextlib.suppress(AssertionError):
        wait_until(lambda: stack.terminal() > len(first), 90 if protected else 40, "consuming")
    consuming_s = time.monotonic() - began_s
    with contextlib.suppress(AssertionError):
        stack.wait_for_terminal(len(manifest), 120 if protected else 1)
    found = judge(stack, manifest, expected_results(manifest))
    ledger.note(
        3,
        found,
        recovery_s=consuming_s if protected else None,
        note="recovery is from Redis' answering to the first result; no process was restarted",
        without="" if protected else "the sweeper",
    )
    assert stack.all_alive()
    assert found.is_clean == protected, found
    if protected:
        assert consuming_s < 90


@only_full
@PROTECTED_AND_NOT
def test_a_redis_that_hangs_holds_up_no_registration(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    hang_s = 120 if FULL and protected else 8
    stack.start_service(beat=protected)
    first = stack.drop(5)
    stack.wait_for_terminal(5, 120)
    stack.redis.send_signal(signal.SIGSTOP)
    began_s = time.monotonic()
    manifest = digests_of([*first, *stack.drop(NUMBER, start=100)])
    wait_until(
        lambda: stack.count("SELECT count(*) FROM instance") == len(manifest), 100, "registered"
    )
    registered_s = time.monotonic() - began_s
    time.sleep(max(0.0, hang_s - registered_s))
    stack.redis.send_signal(signal.SIGCONT)
    began_s = time.monotonic()
    with contextlib.suppress(AssertionError):
        stack.wait_for_terminal(len(manifest), 150 if protected else 40)
    found = judge(stack, manifest, expected_results(manifest))
    ledger.note(
        4,
        found,
        recovery_s=time.monotonic() - began_s if protected else None,
        note=f"stopped for {hang_s} s; all {NUMBER} registered {registered_s:.0f} s after the drop",
        without="" if protected else "the sweeper",
    )
    assert stack.all_alive()
    assert found.is_clean == protected, found

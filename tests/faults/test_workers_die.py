"""Faults 1 and 9: workers that die or freeze, and hints that are sent three times."""

import contextlib
import random
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
from tests.service.programs import ASSASSIN
from tests.service.stack import Stack
from tests.waiting import wait_until
from worker.service.celery_app import SCREEN_TASK, create_app
from worker.settings import Settings

pytestmark = pytest.mark.postgres

LEASE_S = 4


def claimed(stack: Stack) -> int:
    return stack.count("SELECT count(*) FROM instance WHERE state = 'CLAIMED'")


@only_full
@PROTECTED_AND_NOT
def test_workers_killed_at_random_points_lose_nothing(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    number, kills = (1_000, 50) if protected else (200, 5)
    lease_s = LEASE_S if protected else 3600
    choice = random.Random(1)  # noqa: S311 - reproducible, not secret
    manifest = digests_of(stack.drop(number))
    stack.start_watcher()
    stack.start_beat()
    settings = {"lease_s": lease_s, "batch_size": 4}
    workers = [stack.start_worker(delay_s=0.2, **settings) for _ in range(2)]
    for _ in range(kills):
        wait_until(lambda: claimed(stack), 120, "work under way")
        time.sleep(choice.uniform(0, 0.5))
        victim = workers.pop(choice.randrange(len(workers)))
        victim.kill()
        victim.wait()
        workers.append(stack.start_worker(delay_s=0.2, **settings))
    killed_s = time.monotonic()
    orphans = [
        row.instance_id
        for row in stack.query("SELECT instance_id FROM instance WHERE state = 'CLAIMED'")
    ]
    recovered_s = None
    if protected:
        recovered_s = wait_until(
            lambda: (
                not stack.query(
                    "SELECT 1 FROM instance WHERE claimable_at IS NOT NULL AND instance_id = "
                    "ANY(:orphans)",
                    {"orphans": orphans},
                )
            ),
            120,
            "what the last one held",
        )
    with contextlib.suppress(AssertionError):
        # Not yet everything: only what the dead had held, and that no one may take for so long.
        wait_until(
            lambda: stack.terminal() == number or (not protected and not stack.due()),
            300 if protected else 60,
        )
    done_s = time.monotonic() - killed_s
    found = judge(stack, manifest, expected_results(manifest))
    expired = stack.count("SELECT count(*) FROM event WHERE kind = 'LEASE_EXPIRED'")
    ledger.note(
        1,
        found,
        recovery_s=recovered_s,
        note=f"{kills} kills; {expired} leases of the dead ran out and were taken up again; "
        f"recovery is of the {len(orphans)} rows that were claimed at the last kill; everything "
        f"was done after {done_s:.0f} s",
        without="" if protected else "a lease that ends",
    )
    assert found.is_clean == protected, found
    assert found.quarantined == 0  # no file is to blame
    if protected:
        assert expired
        assert recovered_s is not None
        assert recovered_s <= LEASE_S + 60


@PROTECTED_AND_NOT
def test_a_frozen_worker_that_comes_back_after_its_lease_is_refused(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    number = 200 if FULL else 30
    manifest = digests_of(stack.drop(number))
    stack.start_watcher()
    stack.start_beat()
    wait_until(lambda: stack.due() == number, 120, "all are registered")
    app = create_app(Settings(broker_url=stack.redis.url))
    slow = stack.start_worker(delay_s=3, fenced=protected)
    # Its batch and the next: from here on it reads and classifies, and holds no transaction open.
    wait_until(lambda: claimed(stack) == min(number, 32), 120, "the slow one has claimed")
    slow.send_signal(signal.SIGSTOP)
    frozen = claimed(stack)
    stack.start_worker()
    for _ in range(3 * (number // 16 + 1)):
        app.send_task(SCREEN_TASK, queue="urgent")
    took_s = stack.wait_for_terminal(number, 120)
    slow.send_signal(signal.SIGCONT)
    recorded = '"batch_recorded"'
    wait_until(lambda: stack.log_text(slow).count(recorded) >= 2, 120, "it records both batches")
    found = judge(stack, manifest, expected_results(manifest))
    ledger.note(
        9,
        found,
        recovery_s=took_s,
        note=f"every hint three times, two workers; {frozen} rows were held by the frozen one",
        without="" if protected else "the lease token's check",
    )
    assert found.is_clean == protected, found
    if protected:
        assert '"recorded": 0' in stack.log_text(slow)


@PROTECTED_AND_NOT
def test_a_file_that_kills_the_whole_worker_is_quarantined_and_costs_no_other(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    """The worker is started again each time, as a supervisor would."""
    killer, *good = stack.drop(32)
    with killer.open("ab") as file:
        file.write(ASSASSIN)
    settings = {"lease_s": 3, "maximum_lost_workers": 4 if protected else 1000}
    stack.start_watcher()
    stack.start_beat()
    workers = [stack.start_worker(**settings)]
    manifest = digests_of([killer, *good])
    began_s = time.monotonic()
    give_up_s = began_s + (240 if protected else 45)
    while stack.terminal() < 32 and time.monotonic() < give_up_s:
        if workers[-1].poll() is not None:
            workers.append(stack.start_worker(**settings))
        time.sleep(0.1)
    took_s = time.monotonic() - began_s
    found = judge(stack, manifest, expected_results(digests_of(good)))
    deaths = sum(worker.poll() == -signal.SIGKILL for worker in workers)
    ledger.note(
        18,
        found,
        recovery_s=took_s if protected else None,
        note=f"31 good and 1 fatal; {deaths} workers killed, each started again",
        without="" if protected else "the limit of lost workers",
    )
    assert found.is_clean == protected, found
    assert found.wrong == 0
    if protected:
        # Once with its batch, then three times alone; or fewer, where a worker was so slow that
        # its lease ran out, and so counted as lost.
        assert 1 <= deaths <= 4
        assert stack.states() == {"SCREENED": 31, "QUARANTINED": 1}
        reasons = "SELECT reason_code FROM instance WHERE state = 'QUARANTINED'"
        assert [row.reason_code for row in stack.query(reasons)] == ["WORKER_LOST"]

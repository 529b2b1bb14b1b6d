"""Fault 15, and two hosts: cables that are cut, and a worker that gets SIGTERM in a batch."""

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.faults.hosts import Hosts
from tests.faults.judge import (
    FULL,
    PROTECTED_AND_NOT,
    Ledger,
    digests_of,
    expected_results,
    judge,
    only_full,
)
from tests.faults.links import Link
from tests.servers import RedisServer, postgres_database
from tests.service.stack import PNEUMOSCREEN, Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.postgres
CUT_S = 30 if FULL else 5


@contextlib.contextmanager
def link_to(port: int) -> Iterator[Link]:
    link = Link(port)
    try:
        yield link
    finally:
        link.close()


@only_full
@PROTECTED_AND_NOT
def test_cut_cables_cost_time_only(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    number = 600 if protected else 100
    server = make_url(stack.database_url)
    with link_to(stack.redis.port) as to_redis, link_to(server.port or 5432) as to_database:
        url = server.set(host="127.0.0.1", port=to_database.port)
        stack.start_watcher()
        stack.start_beat()
        settings = {"batch_size": 8, "lease_s": 4 if protected else 3600}
        stack.start_worker(
            delay_s=0.3,
            **settings,
            broker_url=f"redis://127.0.0.1:{to_redis.port}/0",
            database_url=url.render_as_string(hide_password=False),
        )
        first = stack.drop(number // 2)
        stack.wait_for_terminal(16, 120)
        to_redis.cut()
        time.sleep(CUT_S)
        to_redis.mend()
        done = stack.terminal()
        second = stack.drop(number // 2, start=number)
        wait_until(lambda: stack.terminal() > done + 16, 120, "on after Redis was away")
        to_database.cut()
        time.sleep(CUT_S)
        if protected:
            to_database.mend()
        else:
            stack.start_worker(**settings)  # what the one that is cut off holds, no one may take
        began_s = time.monotonic()
        manifest = digests_of([*first, *second])
        with contextlib.suppress(AssertionError):
            wait_until(
                lambda: stack.terminal() == len(manifest) or (not protected and not stack.due()),
                240,
            )
        recovery_s = time.monotonic() - began_s
        found = judge(stack, manifest, expected_results(manifest))
        ledger.note(
            15,
            found,
            recovery_s=recovery_s if protected else None,
            note=f"{CUT_S} s without Redis, then {CUT_S} s without the database, while working",
            without="" if protected else "a lease that ends (and the cable stays cut)",
        )
        assert stack.all_alive()
        assert found.is_clean == protected, found


@pytest.mark.parametrize("number", [400 if FULL else 48])
def test_a_stop_in_the_middle_of_a_batch_is_clean_and_two_schedulers_run_one_night(
    stack: Stack, ledger: Ledger, number: int
) -> None:
    # No sweeper would come in time: what is not handed back stays claimed.
    settings = {"lease_s": 3600}
    stack.start_watcher()
    beats = [stack.start_beat(**settings) for _ in range(2)]
    worker = stack.start_worker(delay_s=1, **settings)
    manifest = digests_of(stack.drop(number))
    stack.wait_for_terminal(16, 120)
    begun_ns = [stack.wait_for_heartbeat(beat) for beat in beats]
    began_s = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    status = worker.wait(120)
    stopped_s = time.monotonic() - began_s
    claimed = stack.count("SELECT count(*) FROM instance WHERE state = 'CLAIMED'")
    done = stack.terminal()
    stack.start_worker(**settings)
    stack.wait_for_terminal(number, 120)
    for beat, since_ns in zip(beats, begun_ns, strict=True):
        stack.wait_for_renewal(beat, since_ns)  # it has run each job
    nights = stack.count("SELECT count(*) FROM job_run WHERE job = 'reprocess'")
    found = judge(stack, manifest, expected_results(manifest))
    ledger.note(
        15,
        found,
        recovery_s=stopped_s,
        note=f"SIGTERM in a batch, {done} done: exit status {status}, {claimed} rows left "
        f"claimed; recovery is the time to stop; two schedulers: {nights} nightly run",
    )
    assert (status, claimed, nights) == (0, 0, 1)
    assert found.is_clean, found


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    reason = Hosts.cannot_be_made()
    if reason is not None:
        pytest.skip(reason)
    with Hosts.make(3) as made:
        yield made


@only_full
@PROTECTED_AND_NOT
def test_a_host_cut_off_in_the_middle_of_a_batch_and_back_changes_nothing(
    servers: None,  # noqa: ARG001
    hosts: Hosts,
    tmp_path: Path,
    ledger: Ledger,
    protected: bool,
) -> None:
    """The watcher on one host, a worker on each of two others, the servers on a fourth."""
    number = 400
    redis = RedisServer(tmp_path / "redis", host=hosts.gateway)
    redis.start()
    with postgres_database() as local_url, link_to_all(local_url, hosts.gateway) as url:
        stack = Stack(tmp_path, local_url, redis, {"database_url": url})
        lease_s = 6 if protected else 3600
        settings = {"batch_size": 8, "lease_s": lease_s}
        stack.start_beat()
        watcher = stack.start(
            (*PNEUMOSCREEN, "watch"),
            prefix=hosts.prefix(0),
        )
        workers = [
            stack.start_worker(delay_s=0.4, prefix=hosts.prefix(host), **settings)
            for host in (1, 2)
        ]
        manifest = digests_of(stack.drop(number))
        stack.wait_for_terminal(24, 150)
        hosts.cut(2)
        cut_s = time.monotonic()
        held = stack.count("SELECT count(*) FROM instance WHERE state = 'CLAIMED'")
        time.sleep(20)
        done = stack.terminal()
        if protected:
            hosts.mend(2)
        with contextlib.suppress(AssertionError):
            wait_until(
                lambda: stack.terminal() == number or (not protected and not stack.due()), 150
            )
        took_s = time.monotonic() - cut_s
        found = judge(stack, manifest, expected_results(manifest))
        ledger.note(
            17,
            found,
            recovery_s=stack.longest_claim_s() if protected else None,
            note=f"cut for 20 s with {held} rows claimed; {done} done meanwhile, the last "
            f"{took_s:.0f} s after the cut; recovery is the longest time to a lost claim's next",
            without="" if protected else "a lease that ends (and the cut host never comes back)",
        )
        alive = [process.poll() is None for process in (watcher, *workers)]
        stack.close()
    assert found.is_clean == protected, found
    assert alive == [True, True, True]


@contextlib.contextmanager
def link_to_all(url: str, address: str) -> Iterator[str]:
    """Make a database that listens on the loopback only reachable from the other hosts."""
    server = make_url(url)
    link = Link(server.port or 5432, address)
    try:
        yield server.set(host=address, port=link.port).render_as_string(hide_password=False)
    finally:
        link.close()

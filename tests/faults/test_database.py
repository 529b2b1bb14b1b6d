"""Fault 5: a database that is away for a while, and backends killed in the middle of a commit."""

import contextlib
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.faults.judge import (
    PROTECTED_AND_NOT,
    Ledger,
    digests_of,
    expected_results,
    judge,
    only_full,
)
from tests.servers import RedisServer, free_port, postgres_database
from tests.service.stack import Stack
from tests.waiting import wait_until

BINARIES = Path("/usr/lib/postgresql/15/bin")


class Cluster:
    """A PostgreSQL server of the test's own, run by a user that may."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        shutil.chown(folder, "postgres")
        self._run("initdb", "--auth=trust", "--username=postgres")
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        as_postgres = ("runuser", "-u", "postgres", "--")
        subprocess.run(
            [*as_postgres, str(BINARIES / program), "-D", str(self.folder), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder}"
        self._run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self, mode: str) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", mode)

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if os.geteuid() != 0 or not BINARIES.exists() or not _has_postgres_user():
        pytest.skip("needs root, the user postgres and PostgreSQL 15's programs")
    folder = Path(mkdtemp(prefix="pneumoscreen-"))
    made = Cluster(folder)
    yield made
    with contextlib.suppress(subprocess.CalledProcessError):
        made.stop("immediate")
    shutil.rmtree(folder)


def _has_postgres_user() -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam("postgres"))
    return False


@only_full
@PROTECTED_AND_NOT
def test_an_outage_leaves_nothing_half_written_and_nothing_behind(
    cluster: Cluster,
    tmp_path: Path,
    ledger: Ledger,
    protected: bool,
) -> None:
    number, away_s = 400, 30 if protected else 3
    redis = RedisServer(tmp_path / "redis")
    redis.start()
    with postgres_database(cluster.url) as url:
        stack = Stack(tmp_path, url, redis)
        stack.start_watcher()
        lease_s = 4 if protected else 3600
        stack.start_worker(delay_s=0.3, batch_size=8, lease_s=lease_s)
        stack.start_beat()
        manifest = digests_of(stack.drop(number))
        stack.wait_for_terminal(40, 120)
        for _ in range(5 if protected else 0):
            stack.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                "application_name = 'pneumoscreen' AND pid <> pg_backend_pid()"
            )
            time.sleep(0.3)
        cluster.stop("immediate")  # as a crash: what was not committed is gone
        stack.drop(20, start=number)
        time.sleep(away_s)
        cluster.start()
        began_s = time.monotonic()
        manifest |= digests_of(stack.inbox.iterdir())
        with contextlib.suppress(AssertionError):
            wait_until(lambda: stack.terminal() == len(manifest), 200 if protected else 60)
        recovery_s = time.monotonic() - began_s
        found = judge(stack, manifest, expected_results(manifest))
        partial = stack.count(
            "SELECT count(*) FROM instance i WHERE state = 'SCREENED' AND NOT EXISTS (SELECT FROM "
            "screening s JOIN finding f USING (screening_id) WHERE s.instance_id = i.instance_id)"
        )
        alive = [process.poll() is None for process in stack.processes]
        ledger.note(
            5,
            found,
            recovery_s=recovery_s if protected else None,
            note=f"away for {away_s} s; {partial} partial rows",
            without="" if protected else "a lease that ends",
        )
        stack.close()
    assert partial == 0
    assert found.is_clean == protected, found
    assert all(alive)

"""Faults 6 and 14: a disk that is full, forbidden, or so slow that a read hangs."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.connection.engine import open_database
from tests.faults.judge import (
    PROTECTED_AND_NOT,
    Ledger,
    digests_of,
    expected_results,
    judge,
    only_full,
)
from tests.service.programs import SLOW
from tests.service.stack import PNEUMOSCREEN, REPOSITORY, WORKER, Stack
from tests.waiting import wait_until
from tests.worker.images import write_png

pytestmark = pytest.mark.postgres


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    filler = folder / ".filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def test_a_full_database_disk_is_said_and_waited_for(
    stack: Stack, small_disk: Path, ledger: Ledger
) -> None:
    """The embedded product, its SQLite file on a disk that fills up; its output goes nowhere."""
    stack.engine.dispose()
    stack.engine = open_database(f"sqlite:///{small_disk / 'worklist.db'}")
    watch = stack.start(
        (*WORKER, "watch"),
        database_url=stack.engine.url.render_as_string(hide_password=False),
        least_free_mib=0,  # without the disk guard, which would take in nothing in time
    )
    first = stack.drop(5)
    wait_until((small_disk / "worklist.db").exists, 60)
    wait_until(lambda: _terminal(stack) == 5, 90, "screened before the disk is full")
    filler = fill(small_disk)
    manifest = digests_of([*first, *stack.drop(100, start=10)])
    unavailable = '"database_unavailable"'
    wait_until(
        lambda: stack.log_text(watch).count(unavailable) >= 4, 120, "it says so, and goes on"
    )
    said = "disk is full" in stack.log_text(watch)
    assert watch.poll() is None
    filler.unlink()
    began_s = time.monotonic()
    wait_until(lambda: _terminal(stack) == 105, 120, "on when there is room again")
    recovery_s = time.monotonic() - began_s
    found = judge(stack, manifest, expected_results(manifest))
    ledger.note(
        6,
        found,
        recovery_s=recovery_s,
        note="the database's disk (embedded, SQLite); named in the log, on by itself when freed",
    )
    assert said
    assert found.is_clean, found


def _terminal(stack: Stack) -> int:
    with contextlib.suppress(Exception):
        return stack.terminal()
    return -1


def test_a_log_that_cannot_be_written_stops_no_screening(stack: Stack, ledger: Ledger) -> None:
    manifest = digests_of(stack.drop(20))
    with Path("/dev/full").open("wb") as full:
        for command in ((*PNEUMOSCREEN, "watch"), WORKER, (*PNEUMOSCREEN, "beat")):
            process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**os.environ, **stack.environment()},
                stdout=full,
                stderr=full,
            )
            stack.processes.append(process)
    stack.wait_for_terminal(20, 120)
    found = judge(stack, manifest, expected_results(manifest))
    ledger.note(6, found, note="the log's disk: every write of watcher, worker and beat fails")
    assert stack.all_alive()
    assert found.is_clean, found


@only_full
def test_a_file_that_a_full_inbox_cut_short_counts_when_it_is_whole(
    stack: Stack, small_disk: Path, ledger: Ledger
) -> None:
    stack.inbox = small_disk
    whole = write_png(stack.folder / "whole.png", 0.5, seed=1).read_bytes()
    stack.start_service(beat=False)
    stack.drop(2, folder=stack.folder / "aside")
    filler = fill(small_disk)
    with contextlib.suppress(OSError), (small_disk / "late.png").open("wb") as file:
        file.write(whole)
    cut_short = (small_disk / "late.png").stat().st_size < len(whole)
    wait_until(lambda: stack.terminal() == 1, 90, "what was cut short has a row")
    assert stack.count("SELECT count(*) FROM instance WHERE state = 'SCREENED'") == 0
    filler.unlink()
    (small_disk / "late.png").write_bytes(whole)
    manifest = digests_of([small_disk / "late.png"])
    wait_until(lambda: "SCREENED" in stack.states(), 90, "the whole file is screened")
    found = judge(stack, manifest, expected_results(manifest))
    ledger.note(6, found, note="the inbox's disk: a file cut short, then written whole")
    assert cut_short
    assert stack.all_alive()
    assert found.is_clean, found


# Root without the power to read what it may not: permissions count for it as for anyone.
_POWERS = "-dac_override,-dac_read_search"
LIKE_ANYONE = ("setpriv", f"--bounding-set={_POWERS}", f"--inh-caps={_POWERS}")


@only_full
def test_what_may_not_be_read_is_said_within_a_minute_and_never_screened(
    stack: Stack, ledger: Ledger
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give up its powers")
    good = stack.drop(5)
    forbidden = stack.drop(1, start=5)[0]
    forbidden.chmod(0)
    closed = stack.inbox / "closed"
    closed.mkdir()
    hidden = stack.drop(1, start=6, folder=closed)[0]
    closed.chmod(0)
    stack.inbox.chmod(0o555)  # nothing can be written there, nor need be
    began_s = time.monotonic()
    watcher = stack.start((*PNEUMOSCREEN, "watch"), prefix=LIKE_ANYONE)
    stack.start_worker(prefix=LIKE_ANYONE)
    stack.wait_for_terminal(5, 90)
    refused = "SELECT count(*) FROM source_file WHERE reason_code = 'SOURCE_UNREADABLE'"
    wait_until(lambda: stack.count(refused) == 2, 60, "both stand in the database, with a reason")
    wait_until(lambda: "cannot be read" in stack.log_text(watcher), 60, "it says so")
    alert_s = time.monotonic() - began_s
    screened = stack.states()
    closed.chmod(0o755)
    forbidden.chmod(0o644)
    hidden.chmod(0o644)
    manifest = digests_of([*good, forbidden, hidden])
    began_s = time.monotonic()
    stack.wait_for_terminal(7, 120)
    found = judge(stack, manifest, expected_results(manifest))
    ledger.note(
        14,
        found,
        recovery_s=time.monotonic() - began_s,
        note=f"EACCES on a file and on a folder, the inbox read-only; said and in the database "
        f"{alert_s:.0f} s after the start; recovery is from the permission to the result",
    )
    assert screened == {"SCREENED": 5}
    assert alert_s < 60
    assert found.is_clean, found


@only_full
@PROTECTED_AND_NOT
def test_a_read_that_hangs_is_ended_and_its_neighbours_are_screened(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    good = stack.drop(15)
    hanging = stack.drop(1, start=15)[0]
    with hanging.open("ab") as file:
        file.write(SLOW)
    stack.start_service(reader_timeout_s=5 if protected else 3600)
    manifest = digests_of([*good, hanging])
    began_s = time.monotonic()
    with contextlib.suppress(AssertionError):
        stack.wait_for_terminal(16, 90 if protected else 30)
    found = judge(stack, manifest, expected_results(digests_of(good)))
    ledger.note(
        14,
        found,
        recovery_s=time.monotonic() - began_s if protected else None,
        note="a read that never ends, three times",
        without="" if protected else "the reader's time limit",
    )
    assert found.is_clean == protected, found
    assert found.quarantined == int(protected)

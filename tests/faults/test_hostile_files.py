"""Faults 10, 11 and 16: files that crash, hang, explode, or are simply hostile."""

import shutil
import threading
import time
from pathlib import Path

import pytest

from tests.development_data import DATA, skip_without
from tests.faults.bombs import write_dicom, write_png_bomb
from tests.faults.judge import (
    PROTECTED_AND_NOT,
    Ledger,
    digests_of,
    expected_results,
    judge,
    only_full,
)
from tests.service.programs import KILLER
from tests.service.stack import Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.postgres
CORPUS = ("dicom", "assorted")


@PROTECTED_AND_NOT
def test_a_file_that_crashes_a_decoder_costs_only_itself(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    good = stack.drop(31)
    killer = stack.drop(1, start=31)[0]
    with killer.open("ab") as file:
        file.write(KILLER)
    attempts = 3 if protected else 1000
    # No lease ends: a worker that is only slow would have its attempt counted as another's.
    _, worker = stack.start_service(batch_size=32, maximum_attempts=attempts, lease_s=120)
    stack.wait_for_terminal(31, 120)
    began_s = time.monotonic()
    manifest = digests_of([*good, killer])
    if protected:
        stack.wait_for_terminal(32, 120)
    else:
        time.sleep(15)
    recovery_s = time.monotonic() - began_s
    found = judge(stack, manifest, expected_results(digests_of(good)))
    crashes = stack.log_text(worker).count('"reader_lost"')
    ledger.note(
        10,
        found,
        recovery_s=recovery_s if protected else None,
        note=f"31 good and 1 fatal in one batch; {crashes} crashes",
        without="" if protected else "the limit of attempts",
    )
    assert stack.all_alive()
    assert found.is_clean == protected, found
    if protected:
        assert (found.quarantined, crashes) == (1, 3)


class PeakMemory:
    """Watches the memory of a process' descendants, MiB."""

    def __init__(self, pids: list[int]) -> None:
        self._pids, self._stop, self.peak_mib = pids, threading.Event(), 0.0
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            for pid in self._pids:
                for child in _children(pid):
                    self.peak_mib = max(self.peak_mib, _resident_mib(child))


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    try:
        return [int(child) for file in listed for child in file.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _resident_mib(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4 / 1024
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


@only_full
@PROTECTED_AND_NOT
def test_a_bomb_takes_no_more_memory_than_a_radiograph(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    good = stack.drop(8)
    write_png_bomb(stack.inbox / "bomb.png", 20_000)
    write_dicom(stack.inbox / "deflated.dcm", b"1.2.3.4\0", deflated_mib=1500)
    write_dicom(stack.inbox / "claims.dcm", b"1.2.3.5\0", side=65_535)
    settings: dict[str, object] = {"reader_memory_mib": 2048}
    if not protected:
        settings["limits__pixels"] = 10**12
    watcher, worker = stack.start_service(beat=False, **settings)
    with PeakMemory([watcher.pid, worker.pid]) as memory:
        stack.wait_for_terminal(11, 150)
    manifest = digests_of(stack.inbox.iterdir())
    found = judge(stack, manifest, expected_results(digests_of(good)))
    ledger.note(
        11,
        found,
        note=f"a deflate bomb (1.5 GiB), 65535 x 65535, a PNG bomb (400 MB); the largest reader "
        f"had {memory.peak_mib:.0f} MiB",
        without="" if protected else "the limit of pixels (the process limit of 2 GiB stands)",
    )
    assert stack.all_alive()
    assert found.is_clean, found
    assert (memory.peak_mib < 700) == protected
    if protected:
        assert found.quarantined == 3


@only_full
@pytest.mark.data
@skip_without(*CORPUS)
def test_every_file_of_a_hostile_corpus_ends_in_a_state(stack: Stack, ledger: Ledger) -> None:
    for path in DATA.joinpath(*CORPUS).iterdir():
        if path.is_file():
            shutil.copy(path, stack.inbox / path.name)
    manifest = digests_of(stack.inbox.iterdir())
    stack.start_service()
    wait_until(lambda: stack.count("SELECT count(*) FROM instance") >= len(manifest), 240)
    stack.wait_for_terminal(len(manifest), 240)
    found = judge(stack, manifest)
    slowest_s = float(
        stack.query(
            "SELECT coalesce(extract(epoch FROM max(took)), 0) FROM (SELECT occurred_at - "
            "lag(occurred_at) OVER (PARTITION BY instance_id ORDER BY event_id) AS took, kind "
            "FROM event) e WHERE kind IN ('SCREENED', 'REJECTED')"
        )[0][0]
    )
    alive = [process.poll() is None for process in stack.processes]
    ledger.note(
        16,
        found,
        note=f"{len(manifest)} distinct files of the assorted corpus; {alive.count(False)} deaths; "
        f"the slowest took {slowest_s:.1f} s from its claim; "
        f"{stack.log_text().count('reader_lost')} readers lost",
    )
    assert (found.lost, found.duplicates, found.wrong) == (0, 0, 0)
    assert all(alive)
    assert slowest_s < 30

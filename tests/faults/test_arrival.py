"""Faults 7, 12 and 13: files that come slowly, all at once, or under impossible names."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.bombs import write_dicom
from tests.faults.judge import (
    FULL,
    PROTECTED_AND_NOT,
    Judgement,
    Ledger,
    digests_of,
    expected_results,
    judge,
    only_full,
)
from tests.service.stack import Stack
from tests.waiting import wait_until
from tests.worker.images import write_png

pytestmark = pytest.mark.postgres


def write_slowly(path: Path, content: bytes, bytes_per_s: int) -> None:
    with path.open("wb") as file:
        for start in range(0, len(content), bytes_per_s // 4):
            file.write(content[start : start + bytes_per_s // 4])
            file.flush()
            time.sleep(0.25)


@only_full
@PROTECTED_AND_NOT
def test_nothing_is_read_before_it_is_complete(
    stack: Stack,
    ledger: Ledger,
    protected: bool,
) -> None:
    stack.settings["settle_s"] = "1.5" if protected else "0"
    watcher, _ = stack.start_service()
    stack.drop(3)
    stack.wait_for_terminal(3, 120)
    contents = [
        write_png(stack.folder / f"source-{number}.png", number / 9, seed=100 + number).read_bytes()
        for number in range(6)
    ]
    slow = [
        threading.Thread(
            target=write_slowly, args=(stack.inbox / f"slow-{number}.png", contents[number], 1024)
        )
        for number in range(3)
    ]
    for thread in slow:
        thread.start()
    part = stack.inbox / "renamed.png.part"
    part.write_bytes(contents[3][:500])
    rewritten = stack.inbox / "rewritten.png"
    rewritten.write_bytes(contents[4])
    time.sleep(0.7)
    rewritten.write_bytes(contents[5])
    for thread in slow:
        thread.join()
    part.write_bytes(contents[3])
    part.rename(stack.inbox / "renamed.png")
    stack.wait_for_terminal(8, 120)
    stack.wait_for_whole_scan(watcher)
    wait_until(lambda: stack.terminal() == stack.count("SELECT count(*) FROM instance"), 120)
    manifest = digests_of(stack.inbox.iterdir())
    found = judge(stack, manifest, expected_results(manifest))
    early = stack.count("SELECT count(*) FROM instance") - len(manifest)
    found = replace(found, wrong=found.wrong + early)
    ledger.note(
        7,
        found,
        note=f"slow (1 KB/s), .part, rewritten in place; {early} read before they were complete",
        without="" if protected else "the settling time",
    )
    assert found.is_clean == protected, found


def peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no such process")


def test_everything_that_is_dropped_at_once_is_registered_in_flat_memory(
    stack: Stack, ledger: Ledger
) -> None:
    first, number = (10_000, 100_000) if FULL else (200, 2_000)
    watcher = stack.start_watcher(scan_interval_s=2, readers=1)

    def drop(begin: int, end: int) -> None:
        for start in range(begin, end, 1000):
            folder = stack.inbox / str(start)
            folder.mkdir()
            for each in range(start, min(start + 1000, end)):
                (folder / f"{each}.dcm").write_bytes(b"not an image %d" % each)

    def registered() -> int:
        return stack.count("SELECT count(*) FROM instance")

    drop(0, first)
    wait_until(lambda: registered() == first, 400, "the first are registered")
    before_mib = peak_mib(watcher.pid)
    began_s = time.monotonic()
    drop(first, number)
    dropped_s = time.monotonic() - began_s
    wait_until(lambda: registered() == number, 1500, "all are registered")
    took_s = time.monotonic() - began_s
    grown_kib = (peak_mib(watcher.pid) - before_mib) * 1024 / (number - first)
    terminal = stack.terminal()
    ledger.note(
        12,
        Judgement(number, number - terminal, 0, terminal, 0),
        recovery_s=took_s,
        note=f"recovery is from the first file to the last row (dropping took {dropped_s:.0f} s); "
        f"the watcher's peak grew by {grown_kib:.2f} KiB a file lying in the inbox, to "
        f"{peak_mib(watcher.pid):.0f} MiB",
    )
    assert terminal == number
    assert grown_kib < (1.5 if FULL else 10)


HOSTILE_NAMES = (
    "Müller Åsa 名前.png".encode(),
    b"with space.png",
    b"new\nline.png",
    b"\xff\xfe invalid.png",
    b"x" * 251 + b".png",
    b"-rf.png",
    b"$(touch pwned).png",
    b"%s%n.png",
)


def test_no_name_leads_out_of_the_inbox(stack: Stack, ledger: Ledger) -> None:
    outside = write_png(stack.folder / "outside.png", 0.5, seed=1)
    (stack.folder / "beside").mkdir()
    write_png(stack.folder / "beside" / "other.png", 0.5, seed=2)
    inbox = os.fsencode(stack.inbox)
    for number, name in enumerate(HOSTILE_NAMES):
        content = write_png(stack.folder / "draft.png", number / 9, seed=number).read_bytes()
        with open(inbox + b"/" + name, "wb") as file:
            file.write(content)
    (stack.folder / "draft.png").unlink()
    (stack.inbox / "link.png").symlink_to(outside)
    (stack.inbox / "folder").symlink_to(stack.folder / "beside")
    (stack.inbox / "nowhere.png").symlink_to("/nonexistent")
    os.mkfifo(stack.inbox / "fifo.dcm")
    write_dicom(stack.inbox / "uid.dcm", b"../../../etc/passwd\0")
    before = {path: path.stat().st_mtime_ns for path in stack.folder.glob("*.png")}
    watcher, _ = stack.start_service(beat=False)
    number = len(HOSTILE_NAMES) + 1
    stack.wait_for_terminal(number, 120)
    irregular = "SELECT count(*) FROM source_file WHERE reason_code = 'NOT_A_REGULAR_FILE'"
    wait_until(lambda: stack.count(irregular) >= 4, 120, "links and pipes have their rows")
    for _ in range(2):  # whatever else was found would have its row after these
        stack.wait_for_whole_scan(watcher)
    manifest = digests_of(
        path for path in stack.inbox.iterdir() if path.is_file() and not path.is_symlink()
    )
    found = judge(stack, manifest)
    ledger.note(13, found, note="unicode, newline, invalid UTF-8, 255 bytes, links, a fifo, ../")
    assert (found.inputs, found.lost, found.duplicates) == (number, 0, 0)
    assert stack.count("SELECT count(*) FROM instance") == number  # nothing behind a link
    assert stack.count(irregular) == 4
    assert stack.count("SELECT count(*) FROM instance WHERE reason_code = 'INVALID_UID'") == 1
    assert {path: path.stat().st_mtime_ns for path in stack.folder.glob("*.png")} == before
    assert stack.all_alive()
    for name in ("M\\u00fcller", "Müller", "invalid", "new\\nline", "pwned"):
        assert name not in stack.log_text()


@only_full
def test_a_link_would_be_seen_if_it_were_followed(stack: Stack, ledger: Ledger) -> None:
    """The check itself can fail: a copy in the place of the link adds a row."""
    outside = write_png(stack.folder / "outside.png", 0.5, seed=1)
    (stack.inbox / "link.png").write_bytes(outside.read_bytes())
    stack.start_service(beat=False)
    stack.wait_for_terminal(1, 120)
    found = Judgement(0, 0, 0, 0, stack.count("SELECT count(*) FROM instance"))
    ledger.note(13, found, without="the refusal of links (a copy instead)")
    assert not found.is_clean

"""Times the distributed product: files per second, and the latency of a single file.

Real Redis and PostgreSQL, real processes, the real network, on this machine:

    python -m benchmarks.service [--release FOLDER] [--files N] [--arrivals N]
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER
from tests.service.stack import PNEUMOSCREEN, Stack, open_stack
from tests.waiting import wait_until

SETTLE_S = 1.0
SCAN_INTERVAL_S = 0.5
BETWEEN_ARRIVALS_S = 0.5


def main() -> None:
    """Measure, and print a line each."""
    options = argparse.ArgumentParser(description="Measures the distributed product.")
    options.add_argument("--release", type=Path, default=RELEASES_FOLDER / CURRENT_RELEASE)
    options.add_argument("--files", type=int, default=1_000)
    options.add_argument("--arrivals", type=int, default=100)
    given = options.parse_args()
    for workers in (1, 2):
        with running_service(given.release, workers) as stack:
            seconds = time_backlog(stack, given.files)
            (engine,) = stack.query("SELECT DISTINCT engine FROM screening")
        rate = given.files / seconds
        _say(
            f"{workers} worker, {engine[0]}: {given.files} files in {seconds:.1f} s, settling "
            f"included: {rate:.1f} a second"
        )
    with running_service(given.release, 1) as stack:
        _say_waits("drop to worklist row", time_arrivals(stack, given.arrivals, "SCREENED"))
        _drop_backfill(stack, 3 * given.files)
        waits_s = time_arrivals(stack, given.arrivals // 2, "SCREENED")
        left = stack.due()
        _say_waits(f"the same before a backfill (of which {left} were left)", waits_s)
    for polling_only in (False, True):
        changed = {"scan_interval_s": 10, "polling_only": polling_only}
        with running_service(given.release, 0, **changed) as stack:
            waits_s = time_arrivals(stack, given.arrivals // 2, "REGISTERED")
        events = "without events" if polling_only else "with events"
        _say_waits(f"drop to registration, the inbox walked every 10 s, {events}", waits_s)


def _say_waits(what: str, waits_s: list[float]) -> None:
    p50, p99 = np.quantile(waits_s, (0.5, 0.99))
    _say(
        f"{what}, above the settling time of {SETTLE_S:g} s: p50 {p50:.2f} s, p99 {p99:.2f} s "
        f"({len(waits_s)} files, one each {BETWEEN_ARRIVALS_S:g} s)"
    )


def time_backlog(stack: Stack, files: int) -> float:
    """Drop files at once; give the seconds until the last one is screened, settling included."""
    aside = stack.folder / "backlog"
    aside.mkdir()
    stack.drop(files, start=1_000_000, folder=aside)
    began_s = time.monotonic()
    aside.rename(stack.inbox / "backlog")
    stack.wait_for_terminal(stack.terminal() + files, 3600)
    return time.monotonic() - began_s


def time_arrivals(stack: Stack, arrivals: int, kind: str) -> list[float]:
    """Drop files one by one; give the seconds from each drop to an event, less the settle time."""
    dropped_at: dict[bytes, float] = {}
    first = 2_000_000 + 10_000 * stack.logs + stack.terminal()
    for number in range(arrivals):
        (path,) = stack.drop(1, start=first + number)
        dropped_at[bytes(path)] = time.time()
        time.sleep(BETWEEN_ARRIVALS_S)
    found: dict[bytes, float] = {}

    def all_found() -> bool:
        rows = stack.query(
            "SELECT path, extract(epoch FROM e.occurred_at) AS at FROM event e "
            "JOIN source_file USING (instance_id) WHERE kind = :kind",
            {"kind": kind},
        )
        found.update({bytes(row.path): float(row.at) for row in rows})
        return dropped_at.keys() <= found.keys()

    wait_until(all_found, 600, f"{arrivals} arrivals")
    return [found[path] - at - SETTLE_S for path, at in dropped_at.items()]


def _drop_backfill(stack: Stack, files: int) -> None:
    """Give the running worker a backfill: files that are registered while it is stopped."""
    (worker,) = (p for p in stack.processes if p.args[-1] == "worker")
    worker.send_signal(signal.SIGSTOP)
    aside = stack.folder / "backfill"
    aside.mkdir()
    stack.drop(files, start=3_000_000, folder=aside)
    before = stack.count("SELECT count(*) FROM instance")
    aside.rename(stack.inbox / "backfill")
    wait_until(
        lambda: stack.count("SELECT count(*) FROM instance") == before + files, 600, "registered"
    )
    stack.query(
        "UPDATE instance SET lane = 'BACKFILL' WHERE state = 'REGISTERED' RETURNING instance_id"
    )
    worker.send_signal(signal.SIGCONT)


@contextmanager
def running_service(release: Path, workers: int, **changed: object) -> Iterator[Stack]:
    """Start the whole service and wait until it is warm."""
    with TemporaryDirectory() as folder, open_stack(Path(folder)) as stack:
        settings = {
            "release": release,
            "batch_size": 32,
            "settle_s": SETTLE_S,
            "scan_interval_s": SCAN_INTERVAL_S,
            "sweep_interval_s": 10,
            "lease_s": 120,
            "log_level": "INFO",
            **changed,
        }
        stack.start_watcher(**settings)
        stack.start_beat(**settings)
        started = [stack.start((*PNEUMOSCREEN, "worker"), **settings) for _ in range(workers)]
        for worker in started:
            wait_until(lambda log=worker: "ready." in stack.log_text(log), 300, "a warm worker")
        stack.drop(1, start=9_000_000)  # starts the readers
        wait_until(lambda: stack.count("SELECT count(*) FROM instance") == 1, 120, "a first row")
        stack.wait_for_terminal(min(workers, 1), 120)
        yield stack


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""How fast the distributed product is: files a second, and how long one waits for its row.

Real Redis and PostgreSQL, real processes, the real network, on this machine:

    python -m benchmarks.service [--release FOLDER] [--files N] [--arrivals N]
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER
from tests.service.stack import PNEUMOSCREEN, Stack, open_stack, wait_until

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
        with _running(given.release, workers) as stack:
            seconds = time_backlog(stack, given.files)
        rate = given.files / seconds
        _say(f"{workers} worker: {given.files} files in {seconds:.1f} s, {rate:.1f} a second")
    with _running(given.release, 1) as stack:
        waits_s = time_arrivals(stack, given.arrivals)
    p50, p99 = np.quantile(waits_s, (0.5, 0.99))
    _say(
        f"drop to worklist row, above the settling time of {SETTLE_S:g} s: p50 {p50:.2f} s, "
        f"p99 {p99:.2f} s ({len(waits_s)} files, one each {BETWEEN_ARRIVALS_S:g} s)"
    )


def time_backlog(stack: Stack, files: int) -> float:
    """Drop files at once; give the seconds from the first to the last row."""
    aside = stack.folder / "backlog"
    aside.mkdir()
    stack.drop(files, start=1_000_000, folder=aside)
    began_s = time.monotonic()
    aside.rename(stack.inbox / "backlog")
    stack.wait_for_terminal(stack.terminal() + files, 3600)
    return time.monotonic() - began_s


def time_arrivals(stack: Stack, arrivals: int) -> list[float]:
    """Drop files one by one; give the seconds from each one's drop to its row, less settling."""
    dropped_at: dict[bytes, float] = {}
    before = stack.terminal()
    for number in range(arrivals):
        (path,) = stack.drop(1, start=2_000_000 + number)
        dropped_at[bytes(path)] = time.time()
        time.sleep(BETWEEN_ARRIVALS_S)
    stack.wait_for_terminal(before + arrivals, 600)
    rows = stack.query(
        "SELECT path, extract(epoch FROM e.occurred_at) AS at FROM event e "
        "JOIN source_file USING (instance_id) WHERE kind = 'SCREENED'"
    )
    return [
        float(row.at) - dropped_at[bytes(row.path)] - SETTLE_S
        for row in rows
        if bytes(row.path) in dropped_at
    ]


@contextmanager
def _running(release: Path, workers: int) -> Iterator[Stack]:
    """Start everything, and let each worker have screened something: what is measured is warm."""
    with TemporaryDirectory() as folder, open_stack(Path(folder)) as stack:
        settings = {
            "release": release,
            "batch_size": 32,
            "settle_s": SETTLE_S,
            "scan_interval_s": SCAN_INTERVAL_S,
            "sweep_interval_s": 10,
            "lease_s": 120,
            "log_level": "INFO",
        }
        stack.start_watcher(**settings)
        stack.start_beat(**settings)
        started = [stack.start((*PNEUMOSCREEN, "worker"), **settings) for _ in range(workers)]
        for worker in started:
            wait_until(lambda log=worker: "ready." in stack.log_text(log), 300, "a warm worker")
        yield stack


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

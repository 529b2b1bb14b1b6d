"""Runs a command, and measures its time and the memory of it and its children.

This module must not know what is measured.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SAMPLING_INTERVAL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """The time, memory and output of a command.

    Attributes
    ----------
    seconds
        From start to end, by the wall clock.
    peak_mib
        The most memory of all its processes at once; shared pages count once.
    """

    seconds: float
    peak_mib: float
    output: str


def run_command(
    command: Sequence[str | Path], environment: Mapping[str, str], cores: int | None = None
) -> Run:
    """Run a command to its end.

    Parameters
    ----------
    cores
        The number of cores that it may use; None: all.

    Raises
    ------
    RuntimeError
        If it fails; with the end of its standard error.
    """
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    began_s = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - the benchmarks' own commands
        [str(part) for part in command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),  # noqa: PLW1509 - one thread here
    )
    peak_kib = 0
    while True:
        try:
            output, errors = process.communicate(timeout=_SAMPLING_INTERVAL_S)
            break
        except subprocess.TimeoutExpired:
            peak_kib = max(peak_kib, sum(map(_proportional_set_kib, _process_tree(process.pid))))
    seconds = time.perf_counter() - began_s
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors[-2000:]}")
    return Run(seconds, peak_kib / 1024, output)


def _process_tree(root: int) -> Iterator[int]:
    yield root
    try:
        children = Path(f"/proc/{root}/task/{root}/children").read_text(encoding="ascii").split()
        threads = list(Path(f"/proc/{root}/task").iterdir())
    except OSError:
        return
    for thread in threads:
        try:
            children += (thread / "children").read_text(encoding="ascii").split()
        except OSError:
            continue
    for child in set(children):
        yield from _process_tree(int(child))


def _proportional_set_kib(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)

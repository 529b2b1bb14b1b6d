"""Runs a command, and tells how long it took and how much memory it and its children had.

This module must not know what is measured.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BETWEEN_LOOKS_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """What a command cost.

    Attributes
    ----------
    seconds
        From start to end, by the wall clock.
    peak_mib
        The most that all its processes had at once; pages that they share count once.
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
        It may use only so many; all of them where it is None.

    Raises
    ------
    RuntimeError
        If it fails; with what it said.
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
            output, errors = process.communicate(timeout=_BETWEEN_LOOKS_S)
            break
        except subprocess.TimeoutExpired:
            peak_kib = max(peak_kib, sum(map(_proportional_kib, _family(process.pid))))
    seconds = time.perf_counter() - began_s
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors[-2000:]}")
    return Run(seconds, peak_kib / 1024, output)


def _family(root: int) -> Iterator[int]:
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
        yield from _family(int(child))


def _proportional_kib(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)

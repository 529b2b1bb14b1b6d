"""The parts of the benchmark: each measures one thing and gives its figures as a dictionary.

This module must not know where the figures are kept or shown.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.database.servers import LOCAL_SERVER, fresh_database
from benchmarks.processes import run_command
from benchmarks.samples import write_mixed, write_small
from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER

PYTHON: Final = Path(sys.executable)
PNEUMOSCREEN: Final = PYTHON.with_name("pneumoscreen")
RELEASE: Final = RELEASES_FOLDER / CURRENT_RELEASE
TRACE: Final = Path(__file__).parents[1] / "build" / "trace.json"
POSTGRES: Final = os.environ.get("PNEUMOSCREEN_TEST_POSTGRES", LOCAL_SERVER)


@dataclass(frozen=True, slots=True)
class Bench:
    """The folders of a benchmark, and whether it only tries the commands."""

    folder: Path
    files: Path
    radiographs: Path
    quick: bool

    def mixed(self) -> Path:
        """Give a folder of radiographs of native size in nine transfer syntaxes."""
        count = 40 if self.quick else 400
        return self._made(f"mixed-{count}", count, self._write_mixed)

    def small(self, count: int) -> Path:
        """Give a folder of this number of small files."""
        return self._made(f"small-{count}", count, write_small)

    def fresh_url(self) -> str:
        """Give the URL of a SQLite file that does not exist yet."""
        return f"sqlite:///{self.folder / f'{time.monotonic_ns()}.db'}"

    def _write_mixed(self, folder: Path, count: int) -> None:
        write_mixed(folder, count, self.radiographs)

    def _made(self, name: str, count: int, write: Callable[[Path, int], None]) -> Path:
        folder = self.files / name
        if not folder.exists():
            write(folder, count)
        return folder


def measure_startup(bench: Bench) -> dict[str, Any]:
    """Time the interactive commands, medians of five."""
    one, url = bench.folder / "one", bench.fresh_url()
    one.mkdir()
    first = next(iter(sorted(bench.mixed().iterdir())))
    (one / first.name).write_bytes(first.read_bytes())
    run_command([PNEUMOSCREEN, "screen", one], {"PNEUMOSCREEN_DATABASE_URL": url})

    def median_s(command: list[str | Path], **environment: str) -> float:
        return statistics.median(
            run_command(
                [PNEUMOSCREEN, *command],
                {"PNEUMOSCREEN_DATABASE_URL": url}
                | {f"PNEUMOSCREEN_{k.upper()}": v for k, v in environment.items()},
            ).seconds
            for _ in range(5)
        )

    def screen_s(engine: str) -> float:
        seconds = []
        for _ in range(5):
            environment = {
                "PNEUMOSCREEN_DATABASE_URL": bench.fresh_url(),
                "PNEUMOSCREEN_ENGINE": engine,
            }
            # The tables exist already, as on every day but the first; the file is a new one.
            run_command([PNEUMOSCREEN, "db", "upgrade"], environment)
            seconds.append(run_command([PNEUMOSCREEN, "screen", one], environment).seconds)
        return statistics.median(seconds)

    with fresh_database(POSTGRES) as postgres:
        worklist_postgresql_s = median_s(["worklist"], database_url=postgres)
    return {
        "help_s": median_s(["--help"]),
        "worklist_s": median_s(["worklist"]),
        "worklist_postgresql_s": worklist_postgresql_s,
        "screen_one_openvino_s": screen_s("openvino"),
        "screen_one_tensorflow_s": screen_s("tensorflow"),
    }


def measure_engines(_bench: Bench) -> dict[str, Any]:
    """Time each engine alone, batches of 32, on one and on all cores."""
    return {
        f"{engine}_{cores}_core": json.loads(
            run_command([PYTHON, "-m", "benchmarks.engines", engine], {}, cores).output
        )
        for engine in ("tensorflow", "openvino")
        for cores in (1, os.cpu_count())
    }


def measure_end_to_end(bench: Bench) -> dict[str, Any]:
    """Screen the mixed files by the product and by the baseline, in turns."""
    mixed = bench.mixed()
    one = bench.folder / "one-of-mixed"
    one.mkdir()
    first = next(iter(sorted(mixed.iterdir())))
    (one / first.name).write_bytes(first.read_bytes())
    rounds = [_time_round(bench, mixed, one) for _ in range(1 if bench.quick else 3)]
    return {
        "files": len(list(mixed.iterdir())),
        "radiographs": "real" if bench.radiographs.is_dir() else "drawn",
        "rounds": len(rounds),
        **_median_round(rounds, "openvino_times_faster"),
    }


def _time_round(bench: Bench, mixed: Path, one: Path) -> dict[str, float]:
    baseline = run_command([PYTHON, "-m", "benchmarks.baseline", mixed, RELEASE], {})
    baseline_work_s = json.loads(baseline.output)["work_s"]
    found = {
        "baseline_s": baseline.seconds,
        "baseline_work_s": baseline_work_s,
        "baseline_peak_mib": baseline.peak_mib,
    }
    for engine in ("openvino", "tensorflow"):
        settings = {"PNEUMOSCREEN_ENGINE": engine}
        runs = []
        for folder in (one, mixed):
            environment = settings | {"PNEUMOSCREEN_DATABASE_URL": bench.fresh_url()}
            runs.append(run_command([PNEUMOSCREEN, "screen", folder], environment))
        startup, whole = runs
        work_s = whole.seconds - startup.seconds
        found |= {
            f"{engine}_s": whole.seconds,
            f"{engine}_work_s": work_s,
            f"{engine}_peak_mib": whole.peak_mib,
            f"{engine}_times_faster": baseline.seconds / whole.seconds,
            f"{engine}_times_faster_without_startup": baseline_work_s / work_s,
        }
    return found


def _median_round(rounds: Sequence[dict[str, float]], by: str) -> dict[str, float]:
    """Give the round with the median ratio: medians of single figures would be inconsistent."""
    return sorted(rounds, key=lambda each: each[by])[len(rounds) // 2]


def measure_overlap(bench: Bench) -> dict[str, Any]:
    """Compare throughput with what reading and classifying alone allow; keep the last trace."""
    TRACE.parent.mkdir(exist_ok=True)
    command = [PYTHON, "-m", "benchmarks.walk", "overlap", bench.mixed(), TRACE]
    rounds: list[dict[str, float]] = [
        json.loads(run_command(command, _quiet(bench)).output)
        for _ in range(1 if bench.quick else 7)
    ]
    shares = sorted(each["share_of_possible"] for each in rounds)
    return {
        **_median_round(rounds, "share_of_possible"),
        "rounds": len(rounds),
        "least_share": shares[0],
        "greatest_share": shares[-1],
    }


def measure_latency(bench: Bench) -> dict[str, Any]:
    """Time single live files during a backfill, and on an idle machine."""
    live = bench.folder / "live"
    write_small(live, 600, first=90_000_000)
    backfill = bench.small(1_000 if bench.quick else 10_000)
    command = [PYTHON, "-m", "benchmarks.walk", "latency", backfill, live]
    return dict(json.loads(run_command(command, _quiet(bench)).output))


def _quiet(bench: Bench) -> dict[str, str]:
    return {"PNEUMOSCREEN_DATABASE_URL": bench.fresh_url(), "PNEUMOSCREEN_LOG_LEVEL": "WARNING"}


def measure_registration(bench: Bench) -> dict[str, Any]:
    """Register many small files into each database."""
    folder = bench.small(2_000 if bench.quick else 100_000)
    found = {}
    with fresh_database(POSTGRES) as postgres:
        for name, url in {"sqlite": bench.fresh_url(), "postgresql": postgres}.items():
            command = [PYTHON, "-m", "benchmarks.registration", folder, url]
            found[name] = json.loads(run_command(command, _quiet(bench)).output)
    return found


def measure_scaling(bench: Bench) -> dict[str, Any]:
    """Screen growing numbers of small files, and the mixed ones on one core and on all."""
    found: dict[str, Any] = {"files": []}
    for count in (100, 1_000) if bench.quick else (100, 1_000, 10_000, 100_000):
        folder = bench.small(count)
        environment = {"PNEUMOSCREEN_DATABASE_URL": bench.fresh_url()}
        run = run_command([PNEUMOSCREEN, "screen", folder], environment)
        found["files"].append({"files": count, "seconds": run.seconds, "peak_mib": run.peak_mib})
    for cores in range(1, (os.cpu_count() or 1) + 1):
        environment = {
            "PNEUMOSCREEN_DATABASE_URL": bench.fresh_url(),
            "PNEUMOSCREEN_READERS": str(cores),
        }
        run = run_command([PNEUMOSCREEN, "screen", bench.mixed()], environment, cores)
        found[f"mixed_{cores}_core_s"] = run.seconds
    return found


def measure_workers(bench: Bench) -> dict[str, Any]:
    """Time a backlog of the distributed product with one to four workers."""
    # Imported here: the rest of the measurements needs no Redis.
    from benchmarks.service import running_service, time_backlog  # noqa: PLC0415

    files = 60 if bench.quick else 1_000
    found: dict[str, Any] = {"files": files}
    for workers in (1, 2, 3, 4):
        with running_service(RELEASE, workers) as stack:
            found[f"{workers}_workers_s"] = time_backlog(stack, files)
    return found


PARTS: Final[dict[str, Callable[[Bench], dict[str, Any]]]] = {
    "startup": measure_startup,
    "engines": measure_engines,
    "end_to_end": measure_end_to_end,
    "overlap": measure_overlap,
    "latency": measure_latency,
    "registration": measure_registration,
    "scaling": measure_scaling,
    "workers": measure_workers,
}

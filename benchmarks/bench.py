"""Measures all figures of docs/capacity.md and writes them there: `make bench`.

    python -m benchmarks.bench [--data FOLDER] [--quick] [--only PART ...]

Every figure comes from this run on this machine. Takes about three quarters of an hour on two idle
cores, a third of it for 100,000 files; a part that is left out keeps its previous figures.
"""

import argparse
import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.capacity.page import write_page
from benchmarks.measurements import PARTS, TRACE, Bench

RESULTS: Final = Path(__file__).parent / "results.json"


def describe_machine() -> str:
    """Give the processor's name, its cores, and whether bfloat16 is in its instructions."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    about = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in lines if ":" in line)
    native = {"avx512_bf16", "amx_bf16"} & set(about.get("flags", "").split())
    name = re.sub(r"\((R|TM)\)", "", about.get("model name", "unknown processor"))
    return f"{os.cpu_count()} cores of {name}, {'with' if native else 'without'} bfloat16"


def main() -> None:
    """Measure, write the figures, and update the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared, help="The development data.")
    parser.add_argument("--quick", action="store_true", help="Try the commands; keep no figures.")
    parser.add_argument("--files", type=Path, help="Folder in which the generated files are kept.")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    with TemporaryDirectory() as place:
        bench = Bench(
            Path(place),
            options.files or Path(place) / "files",
            options.data / "kermany_native",
            options.quick,
        )
        for part in options.only:
            began_s = time.perf_counter()
            figures = PARTS[part](bench)
            figures["measured"] = datetime.now(UTC).strftime("%Y-%m-%d")
            figures["machine"] = describe_machine()
            results[part] = figures
            took_s = time.perf_counter() - began_s
            sys.stdout.write(f"{part} ({took_s:.0f} s): {json.dumps(figures)}\n")
            sys.stdout.flush()
            if not options.quick:
                RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if not options.quick:
        write_page(results, TRACE)


if __name__ == "__main__":
    main()

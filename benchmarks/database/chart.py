"""Draws the figures of `benchmarks.database.scale`: time against the number of studies.

``python -m benchmarks.database.chart scale.json docs/database_scale.svg`` (needs matplotlib, of the
extra ``training``).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_READS = {
    "worklist": "first 100 of the worklist",
    "by_accession_number": "one study by accession number",
    "by_study_uid": "one study by UID",
}
_WRITES = {
    "register_ms_per_instance": "register, batches of 256",
    "record_ms_per_instance": "record, batches of 64",
}


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """Draw reads on the left (99th percentile), writes on the right."""
    mpl.rcParams["svg.hashsalt"] = "pneumoscreen"  # the same figures make the same file
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    reads, writes = figure.subplots(1, 2)
    studies = [result["studies"] for result in results]
    for name, label in _READS.items():
        (line,) = reads.plot(studies, [r[name]["p99_ms"] for r in results], marker="o", label=label)
        medians = [r[name]["median_ms"] for r in results]
        reads.plot(studies, medians, color=line.get_color(), linestyle=":", marker=".")
    reads.axhline(10, color="gray", linestyle="--", linewidth=1, label="aim: 10 ms")
    reads.set(title="Reading: 99th percentile, dotted the median", ylim=(0.1, 100))
    for name, label in _WRITES.items():
        writes.plot(studies, [r[name] for r in results], marker="o", label=label)
    writes.plot(
        studies,
        [1000 / r["claimed_per_s"] for r in results],
        marker="o",
        label="claim, eight claimers, batches of 64",
    )
    writes.axhline(0.5, color="gray", linestyle="--", linewidth=1, label="aim for claims: 0.5 ms")
    writes.set(title="Writing: for each instance", ylim=(0.1, 100))
    for axes in (reads, writes):
        axes.set(xscale="log", yscale="log", xlabel="studies", ylabel="milliseconds")
        axes.grid(visible=True, which="both", alpha=0.2)
        axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("chart", type=Path)
    arguments = parser.parse_args()
    draw(json.loads(arguments.results.read_text()), arguments.chart)


if __name__ == "__main__":
    main()

"""Draws the two charts of docs/capacity.md.

This module must not measure.
"""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

_TIMELINE_S: Final = 4.0
mpl.rcParams["svg.hashsalt"] = "pneumoscreen"  # the same figures make the same file


def draw_timeline(trace: dict[str, Any], path: Path) -> None:
    """Draw when each process worked, a few seconds from the middle of the run."""
    middle = max(0.0, trace["seconds"] / 2 - _TIMELINE_S / 2)
    rows: dict[str, list[tuple[float, float]]] = {}
    names = {
        reader: f"reader {n}" for n, reader in enumerate(sorted({r for r, *_ in trace["reads"]}), 1)
    }
    for reader, began, ended in trace["reads"]:
        rows.setdefault(names[reader], []).append((began, ended - began))
    rows["classifier"] = [(began, ended - began) for began, ended in trace["classified"]]
    figure = Figure(figsize=(9, 2.2), layout="constrained")
    axes = figure.subplots()
    for place, (name, spans) in enumerate(sorted(rows.items())):
        axes.broken_barh(
            spans, (place - 0.4, 0.8), facecolors=f"C{place}", edgecolors="white", linewidth=0.3
        )
        axes.text(middle, place, f"{name} ", ha="right", va="center")
    axes.set(xlim=(middle, middle + _TIMELINE_S), xlabel="seconds", yticks=[])
    axes.set_title("Who works when: two readers and the classifier share two cores")
    figure.savefig(path, metadata={"Date": None})


def draw_figures(results: dict[str, Any], path: Path) -> None:
    """Draw throughput beside the baseline, and cost by the number of files."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    bars, lines = figure.subplots(1, 2)
    if "end_to_end" in results:
        found = results["end_to_end"]
        names = ("baseline", "tensorflow", "openvino")
        rates = [found["files"] / found[f"{name}_s"] for name in names]
        drawn = bars.bar(["pydicom +\npredict", "screen,\nTensorFlow", "screen,\nOpenVINO"], rates)
        bars.bar_label(drawn, fmt="%.1f")
        bars.margins(y=0.1)
        bars.set(title="Radiographs a second, start-up included", ylabel="files/s")
    if "scaling" in results:
        found = results["scaling"]["files"]
        counts = [each["files"] for each in found]
        costs = [1000 * each["seconds"] / each["files"] for each in found]
        lines.plot(counts, costs, marker="o", label="ms a file, start-up included")
        lines.plot(counts, [each["peak_mib"] for each in found], marker="s", label="peak MiB")
        lines.set(xscale="log", yscale="log", xlabel="small files", title="Cost by number of files")
        lines.legend(fontsize=8)
        lines.grid(visible=True, which="both", alpha=0.2)
    figure.savefig(path, metadata={"Date": None})

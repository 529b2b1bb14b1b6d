"""Writes what was measured into docs/capacity.md, and draws the two pictures beside it.

This module must not measure. The page's text stands in the page; only what is between the two
markers is written here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

_DOCS: Final = Path(__file__).parents[1] / "docs"
PAGE: Final = _DOCS / "capacity.md"
BEGIN: Final = "<!-- what follows is written by `make bench` -->"
END: Final = "<!-- end of what `make bench` writes -->"
_DAY_S: Final = 86_400
_NIGHT_S: Final = 8 * 3_600
_ARCHIVE: Final = 10_000_000
_TIMELINE_S: Final = 4.0


def write_page(results: dict[str, Any], trace: Path) -> None:
    """Bring the page and its pictures up to date."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    tables = "\n".join(describe(results))
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables}\n{END}{after}", encoding="utf-8")
    mpl.rcParams["svg.hashsalt"] = "pneumoscreen"  # the same figures make the same file
    if trace.exists():
        draw_timeline(json.loads(trace.read_text(encoding="utf-8")), _DOCS / "timeline.svg")
    draw_figures(results, _DOCS / "capacity.svg")


def describe(results: dict[str, Any]) -> Iterator[str]:
    """Give the page's tables, line by line."""
    writers = {
        "end_to_end": _describe_end_to_end,
        "engines": _describe_engines,
        "startup": _describe_startup,
        "overlap": _describe_overlap,
        "latency": _describe_latency,
        "registration": _describe_registration,
        "scaling": _describe_scaling,
        "workers": _describe_workers,
    }
    for part, write in writers.items():
        if part in results:
            yield from write(results[part])
            yield ""
    if {"overlap", "engines"} <= results.keys():
        yield from _describe_capacity(results)


def _table(*rows: tuple[object, ...]) -> Iterator[str]:
    head, *body = rows
    yield "| " + " | ".join(map(str, head)) + " |"
    yield "| --- " + "| ---: " * (len(head) - 1) + "|"
    for row in body:
        yield "| " + " | ".join(map(str, row)) + " |"


def _describe_end_to_end(found: dict[str, Any]) -> Iterator[str]:
    yield (
        f"### `screen` against a user's own loop, {found['files']} {found['radiographs']} "
        "radiographs, 9 syntaxes"
    )
    yield ""
    rows: list[tuple[object, ...]] = [
        ("", "seconds, all", "seconds without start-up", "peak MiB", "times faster", "without it")
    ]
    rows.append(
        (
            "pydicom, `model.predict`",
            f"{found['baseline_s']:.1f}",
            f"{found['baseline_work_s']:.1f}",
            f"{found['baseline_peak_mib']:.0f}",
            "1",
            "1",
        )
    )
    rows += [
        (
            f"`screen`, {name}",
            f"{found[f'{engine}_s']:.1f}",
            f"{found[f'{engine}_work_s']:.1f}",
            f"{found[f'{engine}_peak_mib']:.0f}",
            f"{found[f'{engine}_times_faster']:.1f}",
            f"{found[f'{engine}_times_faster_without_startup']:.1f}",
        )
        for engine, name in (("openvino", "OpenVINO"), ("tensorflow", "TensorFlow"))
    ]
    yield from _table(*rows)


def _describe_engines(found: dict[str, Any]) -> Iterator[str]:
    yield "### Engines alone, batches of 32"
    yield ""
    rows = [
        (
            each["engine"],
            each["cores"],
            f"{each['images_per_s']:.0f}",
            f"{each['single_ms']:.0f}",
            f"{each['load_s']:.1f}",
        )
        for each in found.values()
        if isinstance(each, dict)
    ]
    yield from _table(
        ("engine", "cores", "images/s", "one image, ms", "from import to ready, s"), *rows
    )


def _describe_startup(found: dict[str, Any]) -> Iterator[str]:
    yield "### Commands, seconds from Enter to the prompt"
    yield ""
    names = {
        "help_s": "`pneumoscreen --help`",
        "worklist_s": "`pneumoscreen worklist`, SQLite",
        "worklist_postgresql_s": "`pneumoscreen worklist`, PostgreSQL",
        "screen_one_openvino_s": "`screen` on one file, OpenVINO",
        "screen_one_tensorflow_s": "`screen` on one file, TensorFlow",
    }
    yield from _table(
        ("command", "median of 5"),
        *((name, f"{found[key]:.2f}") for key, name in names.items()),
    )


def _describe_overlap(found: dict[str, Any]) -> Iterator[str]:
    yield "### Does anything wait?"
    yield ""
    yield (
        f"Reading costs {found['read_ms']:.1f} ms of one core an image and classifying "
        f"{found['classify_ms']:.1f} ms, so these cores could do {found['possible_per_s']:.1f} "
        f"images/s; the walk did {found['files_per_s']:.1f}, "
        f"{100 * found['share_of_possible']:.0f} % of that ({found['files']} files, to committed "
        "rows in SQLite)."
    )


def _describe_latency(found: dict[str, Any]) -> Iterator[str]:
    yield "### A live study behind a backfill"
    yield ""
    yield (
        f"From stable to its committed row, warm: p50 {found['p50_s']:.2f} s, p99 "
        f"{found['p99_s']:.2f} s ({found['live']} single files beside a backfill of 10,000 small "
        f"ones, which may end before the last of them comes; {found['meanwhile']} rows in all)."
    )


def _describe_registration(found: dict[str, Any]) -> Iterator[str]:
    yield "### Registration: header read, digest taken, row committed"
    yield ""
    rows = [
        (
            name,
            f"{each['files']:,}",
            f"{each['files_per_s']:,.0f}",
            each["peak_mib_half_way"],
            each["peak_mib_at_end"],
        )
        for name, each in found.items()
        if isinstance(each, dict)
    ]
    yield from _table(
        ("database", "files", "files/s", "peak MiB half-way", "peak MiB at the end"), *rows
    )


def _describe_scaling(found: dict[str, Any]) -> Iterator[str]:
    yield "### Scaling"
    yield ""
    rows = [
        (
            f"{each['files']:,} small files",
            f"{each['seconds']:.1f}",
            f"{1000 * each['seconds'] / each['files']:.1f}",
            f"{each['peak_mib']:.0f}",
        )
        for each in found["files"]
    ]
    yield from _table(("`screen`", "seconds", "ms a file", "peak MiB"), *rows)
    yield ""
    yield from _table(
        ("400 radiographs of native size", "seconds"),
        *(
            (f"{key.split('_')[1]} core(s)", f"{value:.1f}")
            for key, value in found.items()
            if key.startswith("mixed_")
        ),
    )


def _describe_workers(found: dict[str, Any]) -> Iterator[str]:
    yield f"### Workers of the distributed product, a backlog of {found['files']:,} small files"
    yield ""
    yield from _table(
        ("workers on these cores", "seconds, settling included", "files/s"),
        *(
            (key.split("_")[0], f"{seconds:.1f}", f"{found['files'] / seconds:.0f}")
            for key, seconds in found.items()
            if key.endswith("_workers_s")
        ),
    )


def _describe_capacity(results: dict[str, Any]) -> Iterator[str]:
    overlap = results["overlap"]
    per_core = overlap["files_per_s"] / 2
    reading = overlap["read_ms"] / 1000
    yield "### Capacity, by arithmetic"
    yield ""
    yield (
        f"Measured: {overlap['files_per_s']:.1f} images/s on 2 cores, {per_core:.1f} a core. More "
        "cores are more workers, which share nothing but the database; they are taken to do as "
        "much each, which nobody has measured beyond two. "
        f"A night is 8 hours: {_ARCHIVE / 1e6:.0f} million images in one night need "
        f"{_ARCHIVE / _NIGHT_S:.0f} images/s."
    )
    yield ""
    rows = [
        (
            f"{cores} cores",
            f"{cores * per_core:.0f}",
            f"{cores * per_core * _DAY_S / 1e6:.1f} million",
            f"{_ARCHIVE / (cores * per_core * _NIGHT_S):.1f}",
        )
        for cores in (2, 16, 64)
    ]
    yield from _table(("host", "images/s", "images a day", "nights for ten million images"), *rows)
    yield ""
    gpu = 16 / reading
    yield (
        "One GPU, on paper, for none was at hand: it takes the classifying off the cores, so 16 "
        f"reader cores feed it at most 16 / {reading * 1000:.1f} ms = {gpu:.0f} images/s, "
        f"{gpu * _DAY_S / 1e6:.0f} million a day. The network costs about 2.7 GFLOP an image, so a "
        f"GPU is busy with {2.7 * gpu / 1000:.1f} TFLOP/s of work then: reading is the limit, and "
        "reader cores are what to buy."
    )


def draw_timeline(trace: dict[str, Any], path: Path) -> None:
    """Draw who worked when, a few seconds from the middle of the run."""
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

"""Writes measured figures into docs/capacity.md, between its two markers.

The page's own text is left alone. This module must not measure.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.capacity.arithmetic import describe_capacity
from benchmarks.capacity.markdown import tabulate
from benchmarks.capacity.pictures import draw_figures, draw_timeline
from benchmarks.engines import GIGAFLOP_AN_IMAGE

_DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = _DOCS / "capacity.md"
BEGIN: Final = "<!-- what follows is written by `make bench` -->"
END: Final = "<!-- end of what `make bench` writes -->"


def write_page(results: dict[str, Any], trace: Path) -> None:
    """Bring the page and its pictures up to date."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    tables = "\n".join(describe(results))
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables}\n{END}{after}", encoding="utf-8")
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
            yield f"*{results[part]['measured']}, {results[part]['machine']}.*"
            yield ""
    if {"overlap", "engines"} <= results.keys():
        yield from describe_capacity(results)


def _describe_end_to_end(found: dict[str, Any]) -> Iterator[str]:
    yield (
        f"### `screen` against a user's own loop, {found['files']} {found['radiographs']} "
        "radiographs, 9 syntaxes"
    )
    yield ""
    yield (
        f"The median of {found['rounds']} rounds, by OpenVINO's ratio; in each the three ran one "
        "after the other."
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
    yield from tabulate(*rows)


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
    yield from tabulate(
        ("engine", "cores", "images/s", "one image, ms", "from import to ready, s"), *rows
    )
    by_batch = [
        each
        for each in found.values()
        if isinstance(each, dict) and each["cores"] > 1 and "images_per_s_by_batch" in each
    ]
    if not by_batch:
        return
    limit = by_batch[0]["matrix_gflop_per_s"] / GIGAFLOP_AN_IMAGE
    yield ""
    yield (
        f"By batch size, images/s on all cores. In float32 arithmetic allows {limit:.0f}: an image "
        f"costs {GIGAFLOP_AN_IMAGE} GFLOP, and a product of large matrices gets "
        f"{by_batch[0]['matrix_gflop_per_s']:.0f} GFLOP/s out of the same cores."
    )
    yield ""
    yield from tabulate(
        ("engine", *by_batch[0]["images_per_s_by_batch"]),
        *(
            (each["engine"], *(f"{rate:.0f}" for rate in each["images_per_s_by_batch"].values()))
            for each in by_batch
        ),
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
    yield from tabulate(
        ("command", "median of 5"),
        *((name, f"{found[key]:.2f}") for key, name in names.items() if key in found),
    )


def _describe_overlap(found: dict[str, Any]) -> Iterator[str]:
    yield "### Does anything wait?"
    yield ""
    yield (
        f"Reading costs {found['read_ms']:.1f} ms of one core an image and classifying "
        f"{found['classify_ms']:.1f} ms, so these cores could do {found['possible_per_s']:.1f} "
        f"images/s; the walk did {found['files_per_s']:.1f}, "
        f"{100 * found['share_of_possible']:.0f} % of that ({found['files']:.0f} files, to "
        f"committed rows in SQLite; the median of {found['rounds']} runs, whose shares were "
        f"{100 * found['least_share']:.0f} to {100 * found['greatest_share']:.0f} %)."
    )


def _describe_latency(found: dict[str, Any]) -> Iterator[str]:
    yield "### A live study behind a backfill"
    yield ""
    yield (
        f"From stable to its committed row, warm: p50 {found['p50_s']:.2f} s, p99 "
        f"{found['p99_s']:.2f} s ({found['live']} single files, one after the other, while a "
        f"backfill of 10,000 small ones ran); where nothing else was to do p50 "
        f"{found['alone_p50_s']:.2f} s, p99 {found['alone_p99_s']:.2f} s "
        f"({found['alone_live']} files)."
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
    yield from tabulate(
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
    yield from tabulate(("`screen`", "seconds", "ms a file", "peak MiB"), *rows)
    yield ""
    yield from tabulate(
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
    yield from tabulate(
        ("workers on these cores", "seconds, settling included", "files/s"),
        *(
            (key.split("_")[0], f"{seconds:.1f}", f"{found['files'] / seconds:.0f}")
            for key, seconds in found.items()
            if key.endswith("_workers_s")
        ),
    )

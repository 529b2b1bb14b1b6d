"""Writes what was measured into docs/capacity.md.

This module must not measure. The page's text stands in the page; only what is between the two
markers is written here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.capacity_pictures import draw_figures, draw_timeline
from benchmarks.engines import GIGAFLOP_AN_IMAGE

_DOCS: Final = Path(__file__).parents[1] / "docs"
PAGE: Final = _DOCS / "capacity.md"
BEGIN: Final = "<!-- what follows is written by `make bench` -->"
END: Final = "<!-- end of what `make bench` writes -->"
_DAY_S: Final = 86_400
_NIGHT_S: Final = 8 * 3_600
_ARCHIVE: Final = 10_000_000
# Of a GPU that nobody here has measured: the maker's figure for float16, and two guesses.
_CARD_TFLOP_PER_S: Final = 65
_CARD_SHARE: Final = 0.2
_LAUNCHES: Final = 200
_LAUNCH_S: Final = 10e-6


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
    yield f"Medians of {found['rounds']} rounds; in each the three ran one after the other."
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
    yield from _table(
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
    yield from _table(
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
        f"committed rows in SQLite; medians of {found['rounds']} runs, whose shares were "
        f"{100 * found['least_share']:.0f} to {100 * found['greatest_share']:.0f} %)."
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
    yield from _describe_gpu(overlap["read_ms"] / 1000)


def _describe_gpu(reading_s: float) -> Iterator[str]:
    """Reckon with a card's own figures: none was at hand."""
    fed = 16 / reading_s
    seconds = {
        batch: _LAUNCHES * _LAUNCH_S
        + batch * GIGAFLOP_AN_IMAGE / (1000 * _CARD_TFLOP_PER_S * _CARD_SHARE)
        for batch in (1, 2, 4, 8, 16, 32)
    }
    limit = 1000 * _CARD_TFLOP_PER_S / GIGAFLOP_AN_IMAGE
    full = 32 / seconds[32]
    yield (
        "**One GPU, on paper, for none was at hand.** It takes the classifying off the cores, so "
        f"16 reader cores feed it at most 16 / {1000 * reading_s:.1f} ms = {fed:.0f} images/s, "
        f"{fed * _DAY_S / 1e6:.0f} million a day. An NVIDIA T4, say, is sold with "
        f"{_CARD_TFLOP_PER_S} TFLOP/s in float16, which at {GIGAFLOP_AN_IMAGE} GFLOP an image "
        f"would be {limit:,.0f} images/s. Taken that small images reach "
        f"{100 * _CARD_SHARE:.0f} % of that, and that each of about {_LAUNCHES} kernels "
        f"takes {1e6 * _LAUNCH_S:.0f} us to launch:"
    )
    yield ""
    yield from _table(
        ("batch", *seconds),
        ("images/s", *(f"{batch / time:,.0f}" for batch, time in seconds.items())),
        (
            "of the arithmetic limit",
            *(f"{100 * batch / time / limit:.0f} %" for batch, time in seconds.items()),
        ),
        (
            "reader cores that feed it",
            *(f"{batch / time * reading_s:.0f}" for batch, time in seconds.items()),
        ),
    )
    yield ""
    yield (
        f"At batches of 32 one card would classify what {full * reading_s:.0f} reader cores read: "
        "reading is the limit, and reader cores are what to buy."
    )

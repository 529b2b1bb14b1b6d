"""Estimates the throughput of larger hosts, and of a GPU, from measured figures.

This module must not measure.
"""

from collections.abc import Iterator
from typing import Any, Final

from benchmarks.capacity.markdown import tabulate
from benchmarks.engines import GIGAFLOP_AN_IMAGE

_DAY_S: Final = 86_400
_NIGHT_S: Final = 8 * 3_600
_ARCHIVE: Final = 10_000_000
# An NVIDIA T4, not measured: the maker's figure for float16, and two assumptions.
_CARD_TFLOP_PER_S: Final = 65
_CARD_SHARE: Final = 0.2
_LAUNCHES: Final = 200
_LAUNCH_S: Final = 10e-6


def describe_capacity(results: dict[str, Any]) -> Iterator[str]:
    """Give the page's last chapter, line by line."""
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
    yield from tabulate(
        ("host", "images/s", "images a day", "nights for ten million images"), *rows
    )
    yield ""
    yield from _describe_gpu(overlap["read_ms"] / 1000)


def _describe_gpu(reading_s: float) -> Iterator[str]:
    """Estimate from the maker's figures; no GPU was measured."""
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
    yield from tabulate(
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

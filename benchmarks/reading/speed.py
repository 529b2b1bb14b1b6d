"""Times header to model input, for each transfer syntax and size, against pydicom's usual path.

``python -m benchmarks.reading.speed [FILE ...]``: without files, a drawn radiograph is encoded in
every syntax, in the sizes and depths that each can hold; with files, each is timed as it is. Both
paths get the file's bytes in memory and end with 128 x 128 pixels; pydicom's is the path of its
documentation: `dcmread`, `pixel_array`, `apply_modality_lut`, `apply_voi_lut`, inversion, and one
resize by Pillow. ``--bare`` leaves window and rescale out of the drawn files, so that pydicom's
path only decodes and resizes.
"""

import argparse
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from rich.console import Console
from rich.table import Table

from pipeline.dicom.dataset import parse_dicom
from pipeline.dicom.radiograph import decode_radiograph
from pipeline.dicom.transfer_syntaxes import JPEG_BASELINE, JPEG_EXTENDED
from pipeline.framing.preprocessing import Preprocessing, prepare_model_input
from worker.phantoms.dicom import ENCODABLE_SYNTAXES, DicomPlan, encode_dicom
from worker.phantoms.drawing import ChestPhantom, draw_chest

# Widths in px, and bits stored: a thumbnail of a public dataset, a PACS copy, a flat panel's own.
_SIZES: Final = ((440, 8), (1024, 8), (1024, 16), (2048, 12))
_LEAST_REPEATS: Final = 5
_LEAST_S: Final = 0.25
_PIXELS: Final = 100_000_000
_PREPROCESSING: Final = Preprocessing()
_ONLY_BITS: Final = {JPEG_BASELINE: 8, JPEG_EXTENDED: 12}
_BARED: Final = ("WindowCenter", "WindowWidth", "RescaleIntercept", "RescaleSlope", "RescaleType")


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of CPU time: the fastest of several runs; None where a path refuses."""

    name: str
    ours_ms: float
    pydicom_ms: float | None

    @property
    def ratio(self) -> float | None:
        """How many times faster ours is."""
        return self.pydicom_ms / self.ours_ms if self.pydicom_ms else None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--bare", action="store_true", help="draw files without a window")
    parser.add_argument("--least-s", type=float, default=_LEAST_S, help="time spent on each file")
    options = parser.parse_args()
    if options.files:
        _print_table([_time_file(p.name, p.read_bytes(), options.least_s) for p in options.files])
        return
    for width, bits in _SIZES:
        files = _draw(width, bits, is_bare=options.bare)
        timings = [_time_file(name, content, options.least_s) for name, content in files]
        _print_table(timings, f"{width} px, {bits} bits")


def read_ours(content: bytes) -> NDArray[np.float32]:
    """Read by the product's functions."""
    radiograph = decode_radiograph(parse_dicom(content, 4 * _PIXELS), _PIXELS)
    return prepare_model_input(radiograph, _PREPROCESSING).pixels


def read_with_pydicom(content: bytes) -> NDArray[np.float32]:
    """Read as pydicom's documentation does."""
    dataset = pydicom.dcmread(BytesIO(content))
    values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = values.max() - values
    size = (_PREPROCESSING.size_px, _PREPROCESSING.size_px)
    image = Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.float32)
    stretched: NDArray[np.float32] = (pixels - pixels.min()) / np.ptp(pixels)
    return stretched


def _draw(width: int, bits: int, *, is_bare: bool) -> Iterator[tuple[str, bytes]]:
    levels = draw_chest(ChestPhantom(width, opacity=0.3, seed=0))
    # Quantum noise of a real detector: without it, compressed frames would be unlike real ones.
    noise = np.random.default_rng(0).normal(0, 0.004, levels.shape)
    levels = np.clip(levels + noise, 0, 1).astype(np.float32)
    for syntax in ENCODABLE_SYNTAXES:
        if _ONLY_BITS.get(syntax, bits) == bits:
            plan = DicomPlan("chest", "", syntax, bits_stored=bits)
            content = encode_dicom(plan, levels, {}, "benchmark")
            yield syntax.name, _bare(content) if is_bare else content


def _bare(content: bytes) -> bytes:
    dataset = pydicom.dcmread(BytesIO(content))
    for keyword in _BARED:
        delattr(dataset, keyword)
    buffer = BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def _time_file(name: str, content: bytes, least_s: float) -> Timing:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read_with_pydicom(content)
        except (RuntimeError, NotImplementedError):  # pydicom has no decoder for it
            (ours,) = _fastest_ms([lambda: read_ours(content)], least_s)
            return Timing(name, ours, None)
        both = [lambda: read_ours(content), lambda: read_with_pydicom(content)]
        ours, theirs = _fastest_ms(both, least_s)
        return Timing(name, ours, theirs)


def _fastest_ms(runs: Sequence[Callable[[], object]], least_s: float) -> list[float]:
    """CPU time of each, run in turn, so that both see the same machine; the first turn warms up.

    CPU time, and the fastest of many, since other work on the machine must not count.
    """
    times: list[list[float]] = [[] for _ in runs]
    began = time.process_time()
    while len(times[0]) <= _LEAST_REPEATS or time.process_time() - began < least_s:
        for run, taken in zip(runs, times, strict=True):
            started = time.process_time()
            run()
            taken.append(time.process_time() - started)
    return [1000 * min(taken[1:]) for taken in times]


def _print_table(timings: list[Timing], title: str | None = None) -> None:
    columns = "transfer syntax or file", "ours, ms", "pydicom, ms", "times faster"
    table = Table(*columns, title=title)
    for timing in timings:
        table.add_row(
            timing.name,
            f"{timing.ours_ms:.2f}",
            f"{timing.pydicom_ms:.2f}" if timing.pydicom_ms else "refused",
            f"{timing.ratio:.2f}" if timing.ratio else "",
        )
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(table)
    ratios = [timing.ratio for timing in timings if timing.ratio]
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        console.print(f"geometric mean {mean:.1f}, least {min(ratios):.2f}, of {len(ratios)} files")


if __name__ == "__main__":
    main()

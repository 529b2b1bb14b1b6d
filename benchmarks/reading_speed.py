"""Times header to model input, for each transfer syntax, against pydicom's usual path.

``python -m benchmarks.reading_speed [FILE ...]``: without files, a drawn radiograph of flat-panel
size is encoded in every syntax; with files, each is timed as it is. Both paths get the file's bytes
in memory and end with 128 x 128 pixels; pydicom's is the path of its documentation: `dcmread`,
`pixel_array`, `apply_modality_lut`, `apply_voi_lut`, inversion, and one resize by Pillow.
"""

import argparse
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from rich.console import Console
from rich.table import Table

from pipeline.dicom.dataset import parse_dicom
from pipeline.dicom.radiograph import decode_radiograph
from pipeline.preprocessing import Preprocessing, prepare_model_input
from worker.phantom_dicom import DicomPlan, encode_dicom
from worker.phantom_drawing import ChestPhantom, draw_chest

_WIDTH_PX: Final = 2048
_REPEATS: Final = 5
_PIXELS: Final = 100_000_000
_PREPROCESSING: Final = Preprocessing()
_SYNTAXES: Final = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    HTJ2KLossless,
)


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
    parser.add_argument("--repeats", type=int, default=_REPEATS)
    options = parser.parse_args()
    files = _read(options.files) if options.files else _draw()
    timings = [_time_file(name, content, options.repeats) for name, content in files]
    _print_table(timings)


def read_ours(content: bytes) -> NDArray[np.float32]:
    """Take the product's path."""
    radiograph = decode_radiograph(parse_dicom(content, 4 * _PIXELS), _PIXELS)
    return prepare_model_input(radiograph, _PREPROCESSING).pixels


def read_with_pydicom(content: bytes) -> NDArray[np.float32]:
    """Take the path of pydicom's documentation."""
    dataset = pydicom.dcmread(BytesIO(content))
    values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = values.max() - values
    size = (_PREPROCESSING.size_px, _PREPROCESSING.size_px)
    image = Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    pixels = np.asarray(image, dtype=np.float32)
    stretched: NDArray[np.float32] = (pixels - pixels.min()) / np.ptp(pixels)
    return stretched


def _read(paths: list[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        yield path.name, path.read_bytes()


def _draw() -> Iterator[tuple[str, bytes]]:
    levels = draw_chest(ChestPhantom(_WIDTH_PX, opacity=0.3, seed=0))
    # Quantum noise of a real detector: without it, compressed frames would be unlike real ones.
    noise = np.random.default_rng(0).normal(0, 0.004, levels.shape)
    levels = np.clip(levels + noise, 0, 1).astype(np.float32)
    for syntax in _SYNTAXES:
        bits = 8 if syntax == JPEGBaseline8Bit else 12
        plan = DicomPlan("chest", "", syntax, bits_stored=bits)
        yield syntax.name, encode_dicom(plan, levels, {}, "benchmark")


def _time_file(name: str, content: bytes, repeats: int) -> Timing:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = _fastest_ms(lambda: read_ours(content), repeats)
        try:
            theirs = _fastest_ms(lambda: read_with_pydicom(content), repeats)
        except (RuntimeError, NotImplementedError):  # no decoder of pydicom's takes it
            theirs = None
    return Timing(name, ours, theirs)


def _fastest_ms(run: Callable[[], object], repeats: int) -> float:
    """CPU time, since other work on the machine must not count; the first run warms up."""
    run()
    times = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return 1000 * min(times)


def _print_table(timings: list[Timing]) -> None:
    table = Table("transfer syntax or file", "ours, ms", "pydicom, ms", "times faster")
    for timing in timings:
        table.add_row(
            timing.name,
            f"{timing.ours_ms:.1f}",
            f"{timing.pydicom_ms:.1f}" if timing.pydicom_ms else "refused",
            f"{timing.ratio:.1f}" if timing.ratio else "",
        )
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(table)
    ratios = [timing.ratio for timing in timings if timing.ratio]
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        console.print(f"geometric mean {mean:.1f}, least {min(ratios):.1f}, of {len(ratios)} files")


if __name__ == "__main__":
    main()

"""Compares reduced decoding and averaging with reading whole images.

    python -m benchmarks.reading.reduced [--data FOLDER] [--release FOLDER]

Reads every decodable radiograph of the development data, and those of native size in the transfer
syntaxes of `benchmarks.samples`. JPEG 2000, which can be decoded at a lower resolution, is measured
separately.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import pipeline.dicom.decoding
import pipeline.grayscale.stored_pixels
from benchmarks.samples import write_mixed
from pipeline.classifier import Classifier
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.files import read_file
from pipeline.framing.preprocessing import Preprocessing
from pipeline.reading import read_model_input
from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER
from pipeline.triage import TriagePolicy
from pipeline.values.reading import ReadingLimits

_SIDES_PX = (1 << 30, 640, 512, 448, 384, 320)
_MIXED = 297
_JPEG_2000 = b"\xff\x4f\xff\x51"  # SOC and SIZ, with which every codestream begins


def main() -> None:
    """Measure, and print a line for each sufficient side."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    options.add_argument("--data", type=Path, default=shared)
    options.add_argument("--release", type=Path, default=RELEASES_FOLDER / CURRENT_RELEASE)
    given = options.parse_args()
    classifier = Classifier.load(given.release)
    triage = TriagePolicy(classifier.release.operating_points)
    with TemporaryDirectory() as folder:
        mixed = Path(folder) / "mixed"
        write_mixed(mixed, _MIXED, given.data / "kermany_native")
        folders = [mixed, given.data / "kermany_native", given.data / "dicom"]
        files = [path for each in folders for path in sorted(each.rglob("*")) if path.is_file()]
        is_jpeg_2000 = {path: _JPEG_2000 in path.read_bytes() for path in files}
        pipeline.dicom.decoding.JPEG_2000_SHARE = 1.0  # type: ignore[misc]
        for name, kind in (("JPEG 2000", True), ("others", False)):
            chosen = [path for path in files if is_jpeg_2000[path] is kind]
            whole: dict[Path, NDArray[np.float32]] = {}
            for side_px in _SIDES_PX:
                pipeline.grayscale.stored_pixels.SUFFICIENT_SIDE_PX = side_px  # type: ignore[misc]
                inputs, took_s = _read(chosen)
                whole = whole or inputs
                sys.stdout.write(f"{name}, {1e3 * took_s / len(inputs):.0f} ms a radiograph, ")
                _describe(side_px, whole, inputs, classifier, triage)


def _read(files: list[Path]) -> tuple[dict[Path, NDArray[np.float32]], float]:
    """Read the files that can be scored; give their model inputs and the seconds it took."""
    limits, policy, preprocessing = (
        ReadingLimits(),
        EligibilityPolicy(maximum_age_years=130),
        Preprocessing(),
    )
    inputs = {}
    took_s = 0.0
    for path in files:
        digest = read_file(bytes(path), limits.file_bytes)[0]
        began_s = time.perf_counter()
        found = read_model_input(bytes(path), digest, limits, policy, preprocessing)
        if found.model_input is not None:
            took_s += time.perf_counter() - began_s
            inputs[path] = found.model_input.pixels
    return inputs, took_s


def _describe(
    side_px: int,
    whole: dict[Path, NDArray[np.float32]],
    inputs: dict[Path, NDArray[np.float32]],
    classifier: Classifier,
    triage: TriagePolicy,
) -> None:
    common = sorted(whole.keys() & inputs.keys())
    exact = np.stack([whole[path] for path in common])
    reduced = np.stack([inputs[path] for path in common])
    levels = 255 * np.abs(exact - reduced).mean(axis=(1, 2))
    before, after = classifier.classify(exact), classifier.classify(reduced)
    moved = np.abs(before - after)
    bands = sum(
        triage.judge(old).band != triage.judge(new).band
        for old, new in zip(before, after, strict=True)
    )
    sys.stdout.write(
        f"shorter side at least {side_px} px: {len(common)} of {len(whole)} radiographs, "
        f"model input differs by {levels.mean():.2f} of 255 on average, {levels.max():.2f} at "
        f"worst; probabilities by {moved.mean():.5f}, {moved.max():.4f}; {bands} bands "
        "change\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()

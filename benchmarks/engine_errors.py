"""Measures how far reduced precision moves a release's logits, and how many images are run again.

    python -m benchmarks.engine_errors DATA [RELEASE]

Compares each precision of OpenVINO with its float32, without the guard, on every radiograph of the
validation and test parts and on the files of native size; then counts what lies near a cut-off. A
precision that the processor lacks may be computed in float32: a line of zeros is no measurement.
"""

import sys
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.engines.guarded import MARGIN
from pipeline.engines.names import Precision
from pipeline.engines.openvino import OpenVinoEngine
from pipeline.engines.selection import decisive_points
from pipeline.engines.weights import Weights
from pipeline.framing.preprocessing import prepare_model_input
from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER, WEIGHTS_FILE, load_release
from pipeline.values.radiograph import Radiograph
from training.data.cohort import DEFAULT_SPLIT_SEED, Part, read_cohort
from training.data.image_operations import read_pixels
from training.data.images import Radiographs, prepare_all
from training.data.split import split_by_group
from training.evaluation.calibration import apply_calibration

_REDUCED: Final = (Precision.BFLOAT16, Precision.INT8)


def main() -> None:
    """Measure, and print a table in Markdown."""
    data = Path(sys.argv[1])
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else RELEASES_FOLDER / CURRENT_RELEASE  # noqa: PLR2004
    release = load_release(folder)
    samples = [
        s for s in split_by_group(read_cohort(data), DEFAULT_SPLIT_SEED) if s.part != Part.TRAIN
    ]
    pixels, _ = prepare_all(Radiographs(data, samples), release.preprocessing)
    native = [
        prepare_model_input(Radiograph(read_pixels(file)), release.preprocessing).pixels
        for file in sorted((data / "kermany_native").rglob("*.jpeg"))
    ]
    pixels = np.concatenate([pixels, native])
    source = np.array([sample.source for sample in samples] + ["native files"] * len(native))

    weights, size_px = Weights.read(folder / WEIGHTS_FILE), release.preprocessing.size_px
    exact = OpenVinoEngine.load(weights, size_px, Precision.FLOAT32).logits(pixels)
    cutoffs = np.array([release.calibration.logit_of(point) for point in decisive_points(release)])
    slope = release.calibration.slope
    sys.stdout.write(
        "| precision | images | radiographs | largest move of a logit | of a probability "
        f"| within {MARGIN} of a cut-off |\n| --- | --- | ---: | ---: | ---: | ---: |\n"
    )
    for precision in _REDUCED:
        engine = OpenVinoEngine.load(
            weights.reopened(), size_px, precision, release.activation_maxima
        )
        logits = engine.logits(pixels)
        moved = slope * np.abs(logits - exact)
        probability = np.abs(
            apply_calibration(release.calibration, logits)
            - apply_calibration(release.calibration, exact)
        )
        near = (slope * np.abs(logits[:, None] - cutoffs) < MARGIN).any(axis=1)
        for each in dict.fromkeys(source):
            own = source == each
            sys.stdout.write(
                f"| {precision} | {each} | {own.sum()} | {moved[own].max():.3f} "
                f"| {probability[own].max():.4f} | {100 * near[own].mean():.1f} % |\n"
            )


if __name__ == "__main__":
    main()

"""Times one engine alone: ``python -m benchmarks.engines NAME`` prints one JSON line.

Times every batch size that batches are padded to, after a warm-up; medians of three runs. For
comparison, the rate of a product of large float32 matrices on the same cores: the arithmetic limit.
"""

import json
import os
import statistics
import sys
import time

import numpy as np
from numpy.typing import NDArray

from pipeline.classifier import Classifier
from pipeline.engines.names import EngineName
from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER

_BATCHES = (1, 2, 4, 8, 16, 32)
_IMAGES = 64  # per run, at every batch size
# ResNet50V2 at 128 px with one channel: twice the multiplications of its convolutions.
GIGAFLOP_AN_IMAGE = 2.22
_MATRIX = 2048


def main() -> None:
    """Measure."""
    began_s = time.perf_counter()
    classifier = Classifier.load(RELEASES_FOLDER / CURRENT_RELEASE, EngineName(sys.argv[1]))
    loaded_s = time.perf_counter() - began_s
    size_px = classifier.release.preprocessing.size_px
    pixels = np.random.default_rng(0).random((_BATCHES[-1], size_px, size_px), np.float32)
    classifier.warm_up(_BATCHES[-1])
    rates = {batch: _rate(classifier, pixels[:batch]) for batch in _BATCHES}
    figures = {
        "engine": classifier.engine,
        "cores": len(os.sched_getaffinity(0)),
        "load_s": loaded_s,
        "images_per_s": rates[_BATCHES[-1]],
        "images_per_s_by_batch": rates,
        "single_ms": 1000 / rates[1],
        "matrix_gflop_per_s": _matrix_rate(),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def _rate(classifier: Classifier, pixels: NDArray[np.float32]) -> float:
    rates = []
    for _ in range(3):
        began_s = time.perf_counter()
        for _ in range(_IMAGES // len(pixels)):
            classifier.classify(pixels)
        rates.append(_IMAGES / (time.perf_counter() - began_s))
    return statistics.median(rates)


def _matrix_rate() -> float:
    """Give the GFLOP/s of a product of large float32 matrices."""
    matrix = np.random.default_rng(0).random((_MATRIX, _MATRIX), np.float32)
    seconds = []
    for _ in range(7):
        began_s = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - began_s)
    return 2 * _MATRIX**3 / statistics.median(seconds) / 1e9


if __name__ == "__main__":
    main()

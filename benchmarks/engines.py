"""Times one engine alone: ``python -m benchmarks.engines NAME`` prints one JSON line.

Batches of 32 prepared radiographs, after a warm-up; the median of seven runs. Random images would
all be far from a cut-off or all near one, so those that the guard runs again are counted apart.
"""

import json
import os
import statistics
import sys
import time

import numpy as np

from pipeline.classifier import Classifier
from pipeline.engines.names import EngineName
from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER

_BATCH = 32
_BATCHES = 6


def main() -> None:
    """Measure."""
    began_s = time.perf_counter()
    classifier = Classifier.load(RELEASES_FOLDER / CURRENT_RELEASE, EngineName(sys.argv[1]))
    loaded_s = time.perf_counter() - began_s
    size_px = classifier.release.preprocessing.size_px
    pixels = np.random.default_rng(0).random((_BATCH, size_px, size_px), np.float32)
    classifier.warm_up(_BATCH)
    rates, single_s = [], []
    for _ in range(7):
        began_s = time.perf_counter()
        for _ in range(_BATCHES):
            classifier.classify(pixels)
        rates.append(_BATCH * _BATCHES / (time.perf_counter() - began_s))
        began_s = time.perf_counter()
        classifier.classify(pixels[:1])
        single_s.append(time.perf_counter() - began_s)
    figures = {
        "engine": classifier.engine,
        "cores": len(os.sched_getaffinity(0)),
        "load_s": loaded_s,
        "images_per_s": statistics.median(rates),
        "single_ms": 1000 * statistics.median(single_s),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()

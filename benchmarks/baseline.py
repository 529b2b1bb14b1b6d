"""The baseline that the product is compared with: the loop that a user would write.

pydicom's documented path to display pixels, one resize, and Keras's `predict` for each image:

    python -m benchmarks.baseline FOLDER RELEASE

It prints one JSON line: the number of files, the seconds of start-up, and those of the work. It
validates nothing, records nothing, and stops at the first error.
"""

import json
import os
import sys
import time
import warnings
from pathlib import Path

_BEGAN_S = time.perf_counter()
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def main() -> None:
    """Score every file of a folder."""
    import numpy as np  # noqa: PLC0415 - the time of imports is part of what is measured
    import pydicom  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut  # noqa: PLC0415

    from pipeline.release import WEIGHTS_FILE, load_release  # noqa: PLC0415
    from training.networks.architecture import build_network, load_weights  # noqa: PLC0415

    folder, release_folder = Path(sys.argv[1]), Path(sys.argv[2])
    release = load_release(release_folder)
    side = release.preprocessing.size_px
    model = build_network(release.architecture, side)
    load_weights(model, release_folder / WEIGHTS_FILE)
    warnings.simplefilter("ignore")
    started_s = time.perf_counter()
    probabilities = []
    for path in sorted(folder.iterdir()):
        dataset = pydicom.dcmread(path)
        values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            values = values.max() - values
        image = Image.fromarray(values.astype(np.float32)).resize((side, side))
        pixels = np.asarray(image)
        pixels = (pixels - pixels.min()) / (pixels.max() - pixels.min())
        logit = model.predict(pixels[None, ..., None], verbose=0)[0, 0]
        probabilities.append(1 / (1 + np.exp(-logit)))
    ended_s = time.perf_counter()
    figures = {
        "files": len(probabilities),
        "startup_s": started_s - _BEGAN_S,
        "work_s": ended_s - started_s,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()

"""A release with a real network of random weights: as slow and as large as a trained one."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from pipeline.release import WEIGHTS_FILE, load_release, write_release
from tests.releases import write_test_release
from training.networks.architecture import build_network


def write_real_release(folder: Path) -> Path:
    release = load_release(write_test_release(folder, "random-weights"))
    network = build_network(release.architecture, release.preprocessing.size_px)
    weights = {variable.path: np.asarray(variable, np.float16) for variable in network.weights}
    save_file(weights, folder / WEIGHTS_FILE)
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    write_release(replace(release, weights_sha256=digest), folder)
    return folder

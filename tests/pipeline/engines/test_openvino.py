"""What only OpenVINO must get right: 8 bits, and an import without its telemetry."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.engines.names import Precision
from pipeline.engines.openvino import OpenVinoEngine, measure_activations
from pipeline.engines.weights import Weights
from pipeline.errors import ReleaseError
from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER, WEIGHTS_FILE, load_release

FOLDER = RELEASES_FOLDER / CURRENT_RELEASE
MAXIMA = load_release(FOLDER).activation_maxima
SIZE_PX = 32  # the network takes any


def test_openvino_comes_without_its_telemetry(tmp_path: Path) -> None:
    pytest.importorskip("openvino_telemetry")
    program = (
        "import sys; from pipeline.engines.openvino import _import_openvino;"
        "ov = _import_openvino(); assert ov.Core().available_devices;"
        "print(*sys.modules)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = finished.stdout.split()
    assert "openvino.tools.ovc" in loaded
    assert not [name for name in loaded if name.startswith("openvino_telemetry")]
    assert not list(tmp_path.iterdir())


def read_weights() -> Weights:
    return Weights.read(FOLDER / WEIGHTS_FILE)


def test_8_bits_are_taken_where_the_release_says_how() -> None:
    pytest.importorskip("openvino")
    engine = OpenVinoEngine.load(read_weights(), SIZE_PX, activation_maxima=MAXIMA)
    assert engine.name == "openvino-int8"
    assert OpenVinoEngine.load(read_weights(), SIZE_PX).precision is not Precision.INT8


def test_8_bits_are_not_the_numbers_of_float32_but_near() -> None:
    pytest.importorskip("openvino")
    pixels = np.random.default_rng(0).random((4, SIZE_PX, SIZE_PX), np.float32)
    maxima = measure_activations(read_weights(), SIZE_PX, pixels)
    assert len(maxima) == len(MAXIMA)
    exact = OpenVinoEngine.load(read_weights(), SIZE_PX, Precision.FLOAT32).logits(pixels)
    rounded = OpenVinoEngine.load(read_weights(), SIZE_PX, Precision.INT8, maxima).logits(pixels)
    moved = np.abs(rounded - exact)
    assert 0 < moved.max() < 0.1
    clipped = [each / 4 for each in maxima]
    rounded = OpenVinoEngine.load(read_weights(), SIZE_PX, Precision.INT8, clipped).logits(pixels)
    assert np.abs(rounded - exact).max() > 0.1


@pytest.mark.parametrize(
    ("maxima", "fault"), [(MAXIMA[:-1], "fewer"), ((*MAXIMA, 1.0), "more"), ((), "fewer")]
)
def test_maxima_of_another_network_are_refused(maxima: tuple[float, ...], fault: str) -> None:
    pytest.importorskip("openvino")
    with pytest.raises(ReleaseError, match=f"has {fault} activation maxima"):
        OpenVinoEngine.load(read_weights(), SIZE_PX, Precision.INT8, maxima)

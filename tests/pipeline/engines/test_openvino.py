"""What OpenVINO alone must get right: it may tell nobody that it was used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


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

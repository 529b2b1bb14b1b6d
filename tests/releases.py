"""Model releases for tests: they pass every check but hold no network, for fake ones."""

import hashlib
from pathlib import Path

from sqlalchemy import Engine

from db.connection.engine import write_session
from db.work.releases import register_release
from pipeline.framing.preprocessing import Preprocessing
from pipeline.release import WEIGHTS_FILE, Calibration, ModelRelease, write_release
from pipeline.values.screening import OperatingPoints

_WEIGHTS = b"no weights"


def make_release(
    name: str, high_sensitivity: float = 0.3, high_specificity: float = 0.7
) -> ModelRelease:
    return ModelRelease(
        name=name,
        architecture="resnet50v2",
        weights_sha256=hashlib.sha256(_WEIGHTS).hexdigest(),
        preprocessing=Preprocessing(),
        calibration=Calibration(slope=1.0, offset=0.0),
        operating_points=OperatingPoints(high_sensitivity, high_specificity),
        created="2026-01-01",
    )


def register(engine: Engine, release: ModelRelease) -> ModelRelease:
    """Note a release in a database, as whoever composes a worker does."""
    with write_session(engine) as session:
        register_release(session, release)
    return release


def write_test_release(folder: Path, name: str = "test-release") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS_FILE).write_bytes(_WEIGHTS)
    write_release(make_release(name), folder)
    return folder

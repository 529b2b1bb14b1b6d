from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from db.connection.engine import read_session
from db.work.reprocessing import Selection
from db.worklist.view import read_worklist
from pipeline.eligibility.policy import EligibilityPolicy
from tests.worker.fakes import BrightnessClassifier, FakeClock
from tests.worker.images import write_png
from tests.worker.walk import Walk
from worker.readers.pool import ReaderPool
from worker.screening.shadow_run import Flips, age_band, compare


class Pessimist(BrightnessClassifier):
    """Calls everyone ill."""

    def classify(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.ones(len(pixels))


def test_a_shadow_run_counts_flips_and_writes_nothing(
    engine: Engine, readers: ReaderPool, clock: FakeClock, tmp_path: Path
) -> None:
    walk = Walk(engine, readers, clock, tmp_path)
    for number in range(5):
        write_png(walk.inbox / f"{number}.png", 0.1, seed=number)
    walk.register()
    walk.work_off()
    (walk.inbox / "0.png").unlink()
    with read_session(engine) as session:
        before = read_worklist(session)

    flips = compare(
        engine,
        readers,
        Pessimist(),
        walk.release,
        EligibilityPolicy(),
        selection=Selection("another"),
        batch_size=2,
    )

    with read_session(engine) as session:
        assert read_worklist(session) == before
    shift = 1 - np.mean([entry.probability for entry in before])
    assert [(each.group, each.value) for each in flips] == [
        ("all", "all"),
        ("age", "unknown"),
        ("station", "unknown"),
    ]
    assert flips[0] == Flips("all", "all", 4, 4, 0, 1, flips[0].mean_shift)
    assert abs(flips[0].mean_shift - shift) < 0.05


def test_age_bands_have_no_gap() -> None:
    ages = (0.0, 0.99, 1, 5.9, 6, 17.9, 18, 80, None)
    assert [age_band(age) for age in ages] == [
        "under 1",
        "under 1",
        "1 to 5",
        "1 to 5",
        "6 to 11",
        "12 to 17",
        "18 and over",
        "18 and over",
        "unknown",
    ]
